//! What a database can refuse, in words that say what to do.

use crate::error::{Code, Failure, Kind};

#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the database is locked by another program; close it or wait, then try again")]
    Locked,
    #[error("the disk of the database is full; free some space, nothing was half-written")]
    Full,
    #[error(
        "the database cannot be reached ({0}); check the address and that the server runs; a new SQLite file is made by `zhanggui migrate`"
    )]
    Unreachable(String),
    #[error("too many changes to the same goods at once; try again in a moment")]
    Contended,
    #[error("the database has no tables of this version yet; run `zhanggui migrate`")]
    SchemaBehind,
    #[error(
        "the database was migrated to version {found} by a newer zhanggui than this one, which knows up to {known}; use the newer program"
    )]
    SchemaFromFuture { found: i64, known: i64 },
    #[error(
        "migration {0} was changed after it had been applied; restore the released file and add a new migration instead"
    )]
    SchemaAltered(i64),
    #[error(
        "the database has the schema {found} and the backup {wanted}; restore into a database that was just made, which gets the schema of the backup and then this program's"
    )]
    SchemaDiffers { found: i64, wanted: i64 },
    #[error("there is a shop in this database already (rows in the table {0}); restore into a new database")]
    InUse(String),
    #[error("this idempotency key was used for a different request; make a new one for each request")]
    KeyReused,
    #[error(
        "a text holds characters that cannot be kept, or something is longer or larger than can be kept; change it"
    )]
    Unstorable,
    #[error("the database broke a rule the program relies on: {0}")]
    Constraint(String),
    #[error("a stored value cannot be read: {0}")]
    Unreadable(String),
    #[error("the database refused a statement: {0}")]
    Refused(String),
}

impl StoreError {
    pub(super) fn unreadable(what: impl std::fmt::Display) -> Self {
        Self::Unreadable(what.to_string())
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        use sqlx::Error as E;
        match error {
            E::Database(refusal) => from_database(refusal.as_ref()),
            E::Io(_) | E::Tls(_) | E::PoolTimedOut | E::PoolClosed | E::WorkerCrashed | E::Configuration(_) => {
                Self::Unreachable(error.to_string())
            }
            E::ColumnNotFound(_) | E::ColumnDecode { .. } | E::Decode(_) => Self::Unreadable(error.to_string()),
            other => Self::Refused(other.to_string()),
        }
    }
}

/// SQLite answers with (extended) result numbers, PostgreSQL with SQLSTATE; the two never look alike.
fn from_database(refusal: &dyn sqlx::error::DatabaseError) -> StoreError {
    let code = refusal.code().unwrap_or_default().into_owned();
    if code.len() == 5 {
        return match code.as_str() {
            "40001" | "40P01" | "55P03" => StoreError::Contended,
            "53100" => StoreError::Full,
            // Zeros in texts, numbers out of range, texts too long for an index.
            "22021" | "22P05" | "22003" | "54000" => StoreError::Unstorable,
            "42P01" | "42703" | "42883" => StoreError::SchemaBehind,
            "3D000" | "28P01" | "28000" => StoreError::Unreachable(refusal.message().to_owned()),
            state if state.starts_with("08") || state.starts_with("57P") || state == "53300" => {
                StoreError::Unreachable(refusal.message().to_owned())
            }
            state if state.starts_with("23") => StoreError::Constraint(refusal.message().to_owned()),
            _ => StoreError::Refused(refusal.message().to_owned()),
        };
    }
    // The low byte is the primary result code: https://www.sqlite.org/rescode.html
    match code.parse::<i32>().map(|extended| extended & 0xff) {
        Ok(5 | 6) => StoreError::Locked,
        Ok(13) => StoreError::Full,
        Ok(8 | 10 | 14 | 26) => StoreError::Unreachable(refusal.message().to_owned()),
        Ok(19) => StoreError::Constraint(refusal.message().to_owned()),
        Ok(1) if refusal.message().contains("no such table") || refusal.message().contains("no such column") => {
            StoreError::SchemaBehind
        }
        _ => StoreError::Refused(refusal.message().to_owned()),
    }
}

impl Failure for StoreError {
    fn kind(&self) -> Kind {
        match self {
            Self::Locked | Self::Full | Self::Unreachable(_) | Self::Contended => Kind::Unavailable,
            Self::SchemaBehind
            | Self::SchemaFromFuture { .. }
            | Self::SchemaAltered(_)
            | Self::SchemaDiffers { .. }
            | Self::InUse(_) => Kind::Conflict,
            Self::KeyReused | Self::Unstorable => Kind::Invalid,
            Self::Constraint(_) | Self::Unreadable(_) | Self::Refused(_) => Kind::Internal,
        }
    }

    fn code(&self) -> Code {
        match self {
            Self::Locked => Code::DatabaseLocked,
            Self::Full => Code::DatabaseFull,
            Self::Unreachable(_) => Code::DatabaseUnreachable,
            Self::Contended => Code::DatabaseBusy,
            Self::SchemaBehind => Code::SchemaBehind,
            Self::SchemaFromFuture { .. } => Code::SchemaFromFuture,
            Self::SchemaAltered(_) => Code::SchemaAltered,
            Self::SchemaDiffers { .. } => Code::SchemaDiffers,
            Self::InUse(_) => Code::DatabaseInUse,
            Self::KeyReused => Code::InvalidIdempotencyKey,
            Self::Unstorable => Code::InvalidRequest,
            Self::Constraint(_) | Self::Unreadable(_) | Self::Refused(_) => Code::Internal,
        }
    }

    fn zh(&self) -> String {
        match self {
            Self::Locked => "数据库被其他程序占用，请关闭它或稍后重试".to_owned(),
            Self::Full => "数据库所在磁盘已满，请清理空间；没有写入任何半成品".to_owned(),
            Self::Unreachable(why) => format!(
                "无法连接数据库（{why}），请检查地址以及服务是否在运行；新的 SQLite 文件由 `zhanggui migrate` 创建"
            ),
            Self::Contended => "同一商品的并发修改过多，请稍后重试".to_owned(),
            Self::SchemaBehind => "数据库尚未升级到当前版本，请运行 `zhanggui migrate`".to_owned(),
            Self::SchemaFromFuture { found, known } => {
                format!("数据库已被更新版本的程序升级到 {found}，当前程序只认识到 {known}，请使用新版本程序")
            }
            Self::SchemaAltered(version) => format!("迁移 {version} 在执行之后被改动过，请恢复原文件并新增迁移"),
            Self::SchemaDiffers { found, wanted } => {
                format!(
                    "数据库的结构版本是 {found}，备份的是 {wanted}；请恢复到新建的数据库，它会先得到备份的版本，再升级到当前程序的版本"
                )
            }
            Self::InUse(table) => format!("该数据库中已有店铺（表 {table} 中有数据），请恢复到新的数据库"),
            Self::Unstorable => "文本含有无法保存的字符，或内容过长、数值过大，请修改".to_owned(),
            Self::KeyReused => "该幂等键已用于另一个请求，请为每个请求使用新的幂等键".to_owned(),
            Self::Constraint(_) | Self::Unreadable(_) | Self::Refused(_) => {
                "数据库内部错误，请联系管理员并提供请求编号".to_owned()
            }
        }
    }
}
