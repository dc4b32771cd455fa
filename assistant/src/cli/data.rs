//! `zhanggui import` and `zhanggui export`.

use super::{At, read_file};
use crate::trouble::{self, Trouble};
use clap::{Args, ValueEnum};
use commerce_core::caller::Caller;
use commerce_core::import::{Format, ImportError, ImportReport, Mode, Privacy, Sheet};
use std::path::PathBuf;

#[derive(Args)]
pub(crate) struct Import {
    #[command(flatten)]
    at: At,
    /// What the file contains.
    #[arg(value_parser = sheet)]
    sheet: Sheet,
    /// A .csv or .jsonl file, UTF-8. `zhanggui export` shows the columns.
    file: PathBuf,
    /// Only say what is wrong; write nothing.
    #[arg(long, conflicts_with = "partial")]
    dry_run: bool,
    /// Skip the bad rows and import the good ones.
    #[arg(long)]
    partial: bool,
}

#[derive(Args)]
pub(crate) struct Export {
    #[command(flatten)]
    at: At,
    /// What to export.
    #[arg(value_parser = sheet)]
    sheet: Sheet,
    /// The file to write; without it, the export is printed.
    #[arg(long)]
    out: Option<PathBuf>,
    #[arg(long, value_enum, default_value = "csv")]
    format: FileFormat,
    /// Names, phones, addresses, remarks and reasons in full. Without it they are masked, and the file cannot be imported again.
    #[arg(long)]
    with_personal_data: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum FileFormat {
    Csv,
    Jsonl,
}

fn sheet(word: &str) -> Result<Sheet, String> {
    word.parse()
        .map_err(|_| "one of categories, warehouses, products, batches, prices, customers, stock, orders".to_owned())
}

pub(crate) async fn import(options: Import) -> Result<(), Trouble> {
    let name = options.file.display().to_string();
    let format: Format = name.parse()?;
    let bytes = read_file(&options.file)?;
    let (shop, tenant) = options.at.open().await?;
    let mode = match (options.dry_run, options.partial) {
        (true, _) => Mode::DryRun,
        (false, true) => Mode::Partial,
        (false, false) => Mode::Whole,
    };
    let imported = shop.import(&Caller::staff(tenant.id), options.sheet, format, &bytes, mode).await;
    match imported {
        Ok(report) => {
            print(&report);
            Ok(())
        }
        Err(ImportError::Rejected(report)) => {
            print(&report);
            Err(ImportError::Rejected(report).into())
        }
        Err(error) => Err(error.into()),
    }
}

fn print(report: &ImportReport) {
    for bad in &report.bad {
        let field = if bad.field.is_empty() { String::new() } else { format!(" {}", bad.field) };
        println!("line {}{field}: {}", bad.line, bad.reason(trouble::language()));
    }
    println!(
        "{} rows read, {} written, {} unchanged, {} faults.",
        report.rows,
        report.written,
        report.unchanged,
        report.bad.len()
    );
}

pub(crate) async fn export(options: Export) -> Result<(), Trouble> {
    let (shop, tenant) = options.at.open().await?;
    let format = match options.format {
        FileFormat::Csv => Format::Csv,
        FileFormat::Jsonl => Format::Jsonl,
    };
    let privacy = if options.with_personal_data { Privacy::Full } else { Privacy::Masked };
    let text = shop.export(&Caller::staff(tenant.id), options.sheet, format, privacy).await?;
    match options.out {
        None => print!("{text}"),
        Some(file) => std::fs::write(&file, text)
            .map_err(|error| Trouble::say(format!("{} cannot be written: {error}", file.display())))?,
    }
    Ok(())
}
