//! `zhanggui backup` and `zhanggui restore`: the file around a backup, packed, whole or not there.

use super::output::{Output, Shown, table};
use super::seal::{SealedBy, show_books};
use crate::place::Place;
use crate::trouble::Trouble;
use clap::Args;
use commerce_core::backup::{self, BackupError, Contents};
use flate2::Compression;
use flate2::bufread::MultiGzDecoder;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, ErrorKind};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

#[derive(Args)]
pub(crate) struct Backup {
    /// The file to write, which must not be there yet. Nobody but its owner may read it: it holds what customers told the shop.
    #[arg(long, value_name = "FILE", required_unless_present = "check", conflicts_with = "check")]
    to: Option<PathBuf>,
    /// A backup to read to its end; no database is needed.
    #[arg(long, value_name = "FILE")]
    check: Option<PathBuf>,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    place: Place,
}

#[derive(Args)]
pub(crate) struct Restore {
    /// The backup. Who was signed in when it was made signs in again.
    #[arg(long, value_name = "FILE")]
    from: PathBuf,
    #[command(flatten)]
    sealed_by: SealedBy,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    place: Place,
}

pub(crate) async fn backup(options: Backup) -> Result<(), Trouble> {
    let (file, contents) = match (options.to, options.check) {
        (Some(file), _) => {
            let contents = write(&options.place, &file).await?;
            (file, contents)
        }
        (None, Some(file)) => {
            let contents = backup::check(unpacked(&file).map_err(BackupError::from)?)?;
            (file, contents)
        }
        (None, None) => return Err(Trouble::say("say where to: --to FILE")),
    };
    options.output.show(&Whole { file, contents });
    Ok(())
}

pub(crate) async fn restore(options: Restore) -> Result<(), Trouble> {
    let contents = backup::restore(options.place.url(), || unpacked(&options.from)).await?;
    options.output.show(&Whole { file: options.from, contents });
    let shop = options.place.open().await?;
    let tenants = shop.store().read().await?.tenants().await?;
    for tenant in tenants {
        eprintln!("\nThe shop {} is back. Its books:", tenant.code);
        show_books(&shop, tenant.id, &options.sealed_by, options.output).await?;
    }
    Ok(())
}

/// Under another name until the disk has all of it; nothing that is there already is replaced.
async fn write(place: &Place, file: &Path) -> Result<Contents, Trouble> {
    if file.exists() {
        return Err(taken(file));
    }
    let shop = place.open().await?;
    let (part, dir) = part_of(file).map_err(BackupError::from)?;
    let mut packed = BufWriter::new(GzEncoder::new(part.as_file(), Compression::default()));
    let contents = backup::take(shop.store(), shop.now(), &mut packed).await?;
    let finish = || packed.into_inner().map_err(io::IntoInnerError::into_error)?.finish()?.sync_all();
    finish().map_err(BackupError::from)?;
    match part.persist_noclobber(file) {
        Ok(_) => {}
        Err(refused) if refused.error.kind() == ErrorKind::AlreadyExists => return Err(taken(file)),
        Err(refused) => return Err(BackupError::from(refused.error).into()),
    }
    // Its name is on the disk when the folder is.
    dir.sync_all().map_err(BackupError::from)?;
    Ok(contents)
}

fn taken(file: &Path) -> Trouble {
    Trouble::say(format!("{} is there already; give another --to, backups are not replaced", file.display()))
}

/// `FILE.….part` beside the file, readable to its owner alone and gone if nothing comes of it; and the folder they are in.
fn part_of(file: &Path) -> io::Result<(NamedTempFile, File)> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(".");
    let part = tempfile::Builder::new().prefix(&name).suffix(".part").tempfile_in(folder)?;
    Ok((part, File::open(folder)?))
}

fn unpacked(file: &Path) -> io::Result<impl BufRead + use<>> {
    Ok(BufReader::new(MultiGzDecoder::new(BufReader::new(File::open(file)?))))
}

struct Whole {
    file: PathBuf,
    contents: Contents,
}

impl Shown for Whole {
    fn as_json(&self) -> Value {
        let Contents { made_at, schema, database, tenants, rows } = &self.contents;
        json!({
            "file": self.file.display().to_string(), "made_at": made_at, "schema": schema, "database": database,
            "shops": tenants, "rows": rows,
        })
    }

    fn as_text(&self) -> String {
        let Contents { made_at, schema, database, tenants, rows } = &self.contents;
        let filled = rows.iter().filter(|(_, rows)| **rows > 0);
        let lines: Vec<_> = filled.map(|(table, rows)| [table.clone(), rows.to_string()]).collect();
        format!(
            "{} is whole: {} rows of {tenants} shops, taken from {database} at {made_at}, schema {schema}.\n\n{}",
            self.file.display(),
            rows.values().sum::<u64>(),
            table(["table", ">rows"], &lines)
        )
    }
}
