use crate::error::{Code, Failure, Kind};
use crate::store::StoreError;
use std::io;

/// What is wrong with the file of a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    #[error("it does not begin like one")]
    Beginning,
    #[error("its end is missing")]
    Cut,
    #[error("something in it is not what was written")]
    Altered,
}

impl Damage {
    fn zh(self) -> &'static str {
        match self {
            Self::Beginning => "开头不是备份",
            Self::Cut => "缺少结尾",
            Self::Altered => "内容与写入时不同",
        }
    }
}

#[derive(Clone, Debug, thiserror::Error)]
pub enum BackupError {
    #[error("this is no whole backup: {0}; take another copy of it, or the backup before it")]
    Damaged(#[from] Damage),
    #[error(
        "a newer zhanggui made this backup (schema {schema}; this one knows up to {known}); use that program to restore it"
    )]
    FromFuture { schema: i64, known: i64 },
    #[error(
        "the table {0} of the backup is not that of the database, which was changed by hand; restore into a database that was just made"
    )]
    TablesDiffer(String),
    #[error("the backup cannot be read or written ({0}); check its place, who may use it and the space on its disk")]
    File(String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What unpacks a file complains of bytes that make no sense; everything else is trouble with the file itself.
impl From<io::Error> for BackupError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => Damage::Altered.into(),
            io::ErrorKind::UnexpectedEof => Damage::Cut.into(),
            _ => Self::File(error.to_string()),
        }
    }
}

impl Failure for BackupError {
    fn kind(&self) -> Kind {
        match self {
            Self::Damaged(_) => Kind::Invalid,
            Self::FromFuture { .. } | Self::TablesDiffer(_) => Kind::Conflict,
            Self::File(_) => Kind::Unavailable,
            Self::Store(error) => error.kind(),
        }
    }

    fn code(&self) -> Code {
        match self {
            Self::Damaged(_) => Code::BackupDamaged,
            Self::FromFuture { .. } => Code::BackupFromFuture,
            Self::TablesDiffer(_) => Code::SchemaDiffers,
            Self::File(_) => Code::BackupFile,
            Self::Store(error) => error.code(),
        }
    }

    fn zh(&self) -> String {
        match self {
            Self::Damaged(damage) => format!("备份不完整：{}；请换一份副本，或使用更早的备份", damage.zh()),
            Self::FromFuture { schema, known } => {
                format!("此备份由更新版本的程序生成（结构版本 {schema}，当前程序只认识到 {known}），请用该程序恢复")
            }
            Self::TablesDiffer(table) => {
                format!("备份中的表 {table} 与数据库不同，数据库的表被手工改动过；请恢复到新建的数据库")
            }
            Self::File(why) => format!("备份文件无法读写（{why}），请检查位置、权限和磁盘空间"),
            Self::Store(error) => error.zh(),
        }
    }
}
