//! The tables as the database itself knows them, and their rows as lines of JSON that are the same in both databases: for
//! what has to reach everything there is, whatever later migrations add.

use super::{Conn, Dialect, Row, StoreError, Tx};
use futures_util::TryStreamExt;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The names are from the database's catalogue and from nowhere else, so that statements can be made of them.
pub(crate) struct Table {
    pub(crate) name: String,
    columns: Vec<Column>,
}

struct Column {
    name: String,
    kind: ColumnKind,
    /// From 1 on for the columns of the primary key, 0 for the others.
    key_place: i64,
}

#[derive(Clone, Copy)]
enum ColumnKind {
    Text,
    Int,
}

/// Its rows stand in an order that no column holds, that in which they came. Both databases keep it as `rowid`.
const IN_ORDER_OF_ARRIVAL: &str = "event";

impl Conn {
    /// All tables, each after those it refers to.
    pub(crate) async fn tables(&mut self) -> Result<Vec<Table>, StoreError> {
        let (columns, references) = match self.dialect {
            Dialect::Sqlite => {
                (include_str!("sql/schema/columns.sqlite.sql"), include_str!("sql/schema/references.sqlite.sql"))
            }
            Dialect::Postgres => {
                (include_str!("sql/schema/columns.postgres.sql"), include_str!("sql/schema/references.postgres.sql"))
            }
        };
        let mut tables: BTreeMap<String, Table> = BTreeMap::new();
        for row in self.sql(columns).rows().await? {
            let name = row.text("table")?;
            let table = tables.entry(name.clone()).or_insert_with(|| Table { name, columns: Vec::new() });
            table.columns.push(Column::read(&row)?);
        }
        let references = self.sql(references).rows().await?;
        let pair = |row: Row| Ok((row.text("table")?, row.text("refers_to")?));
        in_order(tables, &references.into_iter().map(pair).collect::<Result<_, StoreError>>()?)
    }

    /// Hands over every row as a JSON array, few of them in memory at once, in an order that depends on what is in the
    /// table and not on the database.
    pub(crate) async fn each_row<E: From<StoreError>>(
        &mut self,
        table: &Table,
        mut take: impl FnMut(&str) -> Result<(), E>,
    ) -> Result<(), E> {
        let all = table.select(self.dialect);
        let mut rows = self.stream(all)?;
        while let Some(row) = rows.try_next().await? {
            take(&table.line(&row)?)?;
        }
        Ok(())
    }

    pub(crate) async fn has_rows(&mut self, table: &Table) -> Result<bool, StoreError> {
        let any = format!("select 1 as found from \"{}\" limit 1", table.name);
        Ok(self.stream(any)?.try_next().await?.is_some())
    }
}

impl Tx {
    /// Writes rows as [`Conn::each_row`] hands them over, gathered in one JSON array.
    pub(crate) async fn insert_rows(&mut self, table: &Table, rows: &str) -> Result<(), StoreError> {
        self.sql_of(table.insert()).text(rows).run().await
    }

    pub(crate) async fn clear(&mut self, table: &Table) -> Result<(), StoreError> {
        self.sql_of(format!("delete from \"{}\"", table.name)).run().await
    }
}

impl Table {
    pub(crate) fn columns(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|column| column.name.as_str())
    }

    fn select(&self, dialect: Dialect) -> String {
        let columns: Vec<String> = self.columns().map(|name| format!("\"{name}\"")).collect();
        format!("select {} from \"{}\" order by {}", columns.join(", "), self.name, self.order(dialect))
    }

    fn order(&self, dialect: Dialect) -> String {
        if self.name == IN_ORDER_OF_ARRIVAL {
            return "rowid".to_owned();
        }
        let mut key: Vec<&Column> = self.columns.iter().filter(|column| column.key_place > 0).collect();
        key.sort_by_key(|column| column.key_place);
        let by = |column: &&Column| match (dialect, column.kind) {
            // As SQLite sorts: by bytes, in whatever language the server sorts otherwise.
            (Dialect::Postgres, ColumnKind::Text) => format!("\"{}\" collate \"C\"", column.name),
            _ => format!("\"{}\"", column.name),
        };
        key.iter().map(by).collect::<Vec<_>>().join(", ")
    }

    fn insert(&self) -> String {
        let columns: Vec<String> = self.columns().map(|name| format!("\"{name}\"")).collect();
        let cell = |(i, column): (usize, &Column)| match column.kind {
            ColumnKind::Text => format!("cast(value ->> {i} as text)"),
            ColumnKind::Int => format!("cast(value ->> {i} as bigint)"),
        };
        let cells: Vec<String> = self.columns.iter().enumerate().map(cell).collect();
        let (columns, cells) = (columns.join(", "), cells.join(", "));
        format!("insert into \"{}\" ({columns}) select {cells} from json_each($1) order by key", self.name)
    }

    fn line(&self, row: &Row) -> Result<String, StoreError> {
        let cell = |column: &Column| {
            Ok(match column.kind {
                ColumnKind::Text => json!(row.maybe_text(&column.name)?),
                ColumnKind::Int => json!(row.maybe_int(&column.name)?),
            })
        };
        let cells = self.columns.iter().map(cell).collect::<Result<Vec<Value>, StoreError>>()?;
        Ok(Value::Array(cells).to_string())
    }
}

impl Column {
    fn read(row: &Row) -> Result<Self, StoreError> {
        let (name, kind) = (row.text("column")?, row.text("kind")?);
        let kind = match kind.as_str() {
            "text" => ColumnKind::Text,
            "bigint" => ColumnKind::Int,
            other => return Err(StoreError::unreadable(format_args!("the column {name} is of the type {other}"))),
        };
        Ok(Self { name, kind, key_place: row.int("key_place")? })
    }
}

/// By name, but nobody before those they refer to.
fn in_order(
    mut waiting: BTreeMap<String, Table>,
    references: &BTreeSet<(String, String)>,
) -> Result<Vec<Table>, StoreError> {
    let mut ordered = Vec::with_capacity(waiting.len());
    while !waiting.is_empty() {
        let waits = |name: &str| references.iter().any(|(from, to)| from == name && waiting.contains_key(to));
        let next = waiting.keys().find(|name| !waits(name)).cloned();
        let circle = || StoreError::unreadable("tables refer to one another in a circle");
        ordered.extend(waiting.remove(&next.ok_or_else(circle)?));
    }
    Ok(ordered)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order_of(names: &[&str], references: &[(&str, &str)]) -> Option<Vec<String>> {
        let table = |name: &&str| ((*name).to_owned(), Table { name: (*name).to_owned(), columns: Vec::new() });
        let references = references.iter().map(|(from, to)| ((*from).to_owned(), (*to).to_owned())).collect();
        let ordered = in_order(names.iter().map(table).collect(), &references).ok()?;
        Some(ordered.into_iter().map(|table| table.name).collect())
    }

    #[test]
    fn tables_come_after_those_they_refer_to() {
        let ordered = order_of(&["a", "b", "c", "d"], &[("a", "c"), ("c", "d"), ("a", "d")]);
        assert_eq!(ordered.unwrap(), ["b", "d", "c", "a"]);
        assert_eq!(order_of(&["a", "b"], &[("a", "b"), ("b", "a")]), None);
        assert_eq!(order_of(&["a"], &[("a", "a")]), None, "its rows would need an order of their own");
    }
}
