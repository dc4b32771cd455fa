//! How answers look: tables for people, JSON for programs.

use clap::Args;
use serde_json::Value;

#[derive(Args, Clone, Copy)]
pub(crate) struct Output {
    /// As JSON, for programs.
    #[arg(long)]
    json: bool,
}

/// What can be shown either way.
pub(super) trait Shown {
    fn as_json(&self) -> Value;
    fn as_text(&self) -> String;
}

impl Output {
    pub(super) fn show(self, answer: &impl Shown) {
        if self.json {
            println!("{:#}", answer.as_json());
        } else {
            println!("{}", answer.as_text().trim_end());
        }
    }
}

/// Columns under their headings, two blanks apart. A heading that begins with `>` stands over numbers, which end in line.
pub(super) fn table<const N: usize>(heads: [&str; N], rows: &[[String; N]]) -> String {
    let is_number = heads.map(|head| head.starts_with('>'));
    let heads = heads.map(|head| head.trim_start_matches('>').to_owned());
    let widths: [usize; N] =
        std::array::from_fn(|i| rows.iter().chain([&heads]).map(|row| width(&row[i])).max().unwrap_or(0));
    let line = |row: &[String; N]| {
        let cells = row.iter().enumerate().map(|(i, cell)| {
            let blanks = " ".repeat(widths[i] - width(cell));
            if is_number[i] { format!("{blanks}{cell}") } else { format!("{cell}{blanks}") }
        });
        format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    [&heads].into_iter().chain(rows).map(line).collect()
}

/// On a terminal, where Chinese letters are twice as wide as others.
fn width(text: &str) -> usize {
    text.chars().map(|letter| if letter >= '\u{1100}' { 2 } else { 1 }).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_in_line_whatever_the_letters() {
        let rows = [["米".to_owned(), "1.00".to_owned()], ["tea".to_owned(), "10.00".to_owned()]];
        assert_eq!(table(["what", ">amount"], &rows), "what  amount\n米      1.00\ntea    10.00\n");
    }
}
