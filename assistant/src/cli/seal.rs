//! `zhanggui seal` and `zhanggui verify`, and the files beside the database: the key, and the imprint of the last seal.

use super::At;
use super::output::{Output, Shown};
use crate::trouble::Trouble;
use clap::Args;
use commerce_core::caller::Caller;
use commerce_core::ledger::seal::{Imprint, SealKey, Trusted};
use commerce_core::tenant::TenantId;
use commerce_core::{Disagreement, Sealed, Shop, Verified, VerifyError};
use rand::TryRng;
use serde_json::{Value, json};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

#[derive(Args)]
pub(crate) struct Seal {
    /// Where the secret key is kept; made if it is not there. The last seal of each shop is noted beside it, in
    /// FILE.<shop>.last. Keep copies of both away from the database.
    #[arg(long, env = "ZHANGGUI_SEAL_KEY", value_name = "FILE", default_value = KEY_FILE)]
    key: PathBuf,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    at: At,
}

#[derive(Args)]
pub(crate) struct Verify {
    #[command(flatten)]
    sealed_by: SealedBy,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    at: At,
}

/// Whose seals are to be on the books.
#[derive(Args)]
pub(super) struct SealedBy {
    /// The file of the key that sealed the books. Without it: zhanggui.seal-key, if that is there. The last seal is looked
    /// for beside it.
    #[arg(long, env = "ZHANGGUI_SEAL_KEY", value_name = "FILE")]
    key: Option<PathBuf>,
    /// The public key, as `zhanggui seal` prints it; goes before --key.
    #[arg(long, value_name = "HEX")]
    public_key: Option<String>,
}

const KEY_FILE: &str = "zhanggui.seal-key";

pub(crate) async fn seal(options: Seal) -> Result<(), Trouble> {
    let (shop, tenant) = options.at.open().await?;
    let key = match read_key(&options.key)? {
        Some(key) => key,
        None => make_key(&options.key)?,
    };
    let note = note_of(&options.key, tenant.id);
    let sealed = shop.seal(&Caller::system(tenant.id), &key, read_imprint(&note)?.as_ref()).await?;
    if let Some(last) = &sealed.last {
        keep_imprint(&note, last)?;
    }
    options.output.show(&Done { sealed, public_key: key.public() });
    Ok(())
}

pub(crate) async fn verify(options: Verify) -> Result<(), Trouble> {
    let (shop, tenant) = options.at.open().await?;
    show_books(&shop, tenant.id, &options.sealed_by, options.output).await
}

/// Checks the books of one shop and shows how they stand.
pub(super) async fn show_books(
    shop: &Shop,
    tenant: TenantId,
    sealed_by: &SealedBy,
    output: Output,
) -> Result<(), Trouble> {
    let trusted = Trusted { key: sealed_by.public_key()?, last: sealed_by.last_seal(tenant)? };
    match shop.verify(&Caller::staff(tenant), &trusted).await {
        Ok(verified) => {
            output.show(&Agreed { verified, trusted });
            Ok(())
        }
        Err(VerifyError::Disagreement(disagreement)) => {
            output.show(&disagreement);
            Err(VerifyError::Disagreement(disagreement).into())
        }
        Err(error) => Err(error.into()),
    }
}

impl SealedBy {
    fn public_key(&self) -> Result<Option<String>, Trouble> {
        if let Some(public) = &self.public_key {
            let public = public.trim().to_lowercase();
            let is_key = public.len() == 64 && public.bytes().all(|byte| byte.is_ascii_hexdigit());
            return if is_key {
                Ok(Some(public))
            } else {
                Err(Trouble::say(
                    "a public key has 64 hexadecimal digits; copy it from where `zhanggui seal` printed it",
                ))
            };
        }
        match (read_key(self.file())?, &self.key) {
            (Some(key), _) => Ok(Some(key.public())),
            (None, None) => Ok(None),
            (None, Some(file)) => {
                Err(Trouble::say(format!("there is no {}; give the key file's place or --public-key", file.display())))
            }
        }
    }

    fn last_seal(&self, tenant: TenantId) -> Result<Option<Imprint>, Trouble> {
        read_imprint(&note_of(self.file(), tenant))
    }

    fn file(&self) -> &Path {
        self.key.as_deref().unwrap_or(Path::new(KEY_FILE))
    }
}

fn read_key(file: &Path) -> Result<Option<SealKey>, Trouble> {
    let name = file.display();
    match std::fs::read_to_string(file) {
        Ok(text) => SealKey::read(&text).map(Some).ok_or_else(|| {
            Trouble::say(format!("{name} holds no seal key; restore it from its copy or give another --key"))
        }),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Trouble::say(format!("{name} cannot be read: {error}; give another --key"))),
    }
}

/// Where the last seal of a shop is noted: `zhanggui.seal-key.tnt_0190….last`.
fn note_of(key: &Path, tenant: TenantId) -> PathBuf {
    let mut name = key.as_os_str().to_owned();
    name.push(format!(".{tenant}.last"));
    name.into()
}

fn read_imprint(note: &Path) -> Result<Option<Imprint>, Trouble> {
    let name = note.display();
    match std::fs::read_to_string(note) {
        Ok(text) => Imprint::read(&text).map(Some).ok_or_else(|| {
            Trouble::say(format!("{name} notes no seal; restore it from its copy, or remove it to begin anew"))
        }),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Trouble::say(format!("{name} cannot be read: {error}; make it readable"))),
    }
}

/// Put in place by renaming: whatever happens, the note is the old one or the new one.
fn keep_imprint(note: &Path, last: &Imprint) -> Result<(), Trouble> {
    let new = note.with_extension("new");
    let write = || {
        let mut file = std::fs::File::create(&new)?;
        file.write_all(format!("{last}\n").as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&new, note)
    };
    write().map_err(|error| Trouble::say(format!("{} cannot be written: {error}; seal again", note.display())))
}

/// A new key, in a file that only its owner can read.
fn make_key(file: &Path) -> Result<SealKey, Trouble> {
    use std::os::unix::fs::OpenOptionsExt;
    let unusable = |error| Trouble::say(format!("{} cannot be written: {error}; give another --key", file.display()));
    let mut seed = [0; 32];
    rand::rngs::SysRng.try_fill_bytes(&mut seed).map_err(Trouble::say)?;
    let key = SealKey::from_seed(seed);
    let mut new = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file).map_err(unusable)?;
    new.write_all(format!("{}\n", key.seed()).as_bytes()).and_then(|()| new.sync_all()).map_err(unusable)?;
    eprintln!("Made a new key in {}; keep a copy of it away from the database.", file.display());
    Ok(key)
}

struct Done {
    sealed: Sealed,
    public_key: String,
}

impl Shown for Done {
    fn as_json(&self) -> Value {
        let last = self.sealed.last.as_ref().map(|last| json!({ "size": last.size, "root": last.root }));
        json!({ "sealed": self.sealed.entries, "public_key": self.public_key, "last": last })
    }

    fn as_text(&self) -> String {
        format!("{} entries sealed.\npublic key {}", self.sealed.entries, self.public_key)
    }
}

struct Agreed {
    verified: Verified,
    trusted: Trusted,
}

impl Shown for Agreed {
    fn as_json(&self) -> Value {
        let looked = &self.verified;
        json!({
            "agrees": true, "accounts": looked.accounts, "transfers": looked.transfers, "seals": looked.seals,
            "sealed": looked.sealed, "unsealed": looked.unsealed, "public_key": looked.key,
            "key_is_trusted": self.trusted.key.is_some(), "last_seal_is_known": self.trusted.last.is_some(),
        })
    }

    fn as_text(&self) -> String {
        let looked = &self.verified;
        let key = match (&self.trusted.key, looked.key.as_str()) {
            (_, "") => "Nothing is sealed yet: until `zhanggui seal` has run, whoever rules the database could alter \
                        everything alike."
                .to_owned(),
            (Some(key), _) => format!("All seals are by the trusted key {key}."),
            (None, key) => format!(
                "No key was given: the seals were checked with the key found in them, {key}. Whoever altered the books \
                 could have sealed them anew; give --key or --public-key to be sure."
            ),
        };
        let last = match &self.trusted.last {
            _ if looked.key.is_empty() => String::new(),
            Some(last) => format!("\nThe seal over {} entries, the last known, is in the log.", last.size),
            None => "\nNo last seal is noted beside the key: the newest seals could have been cut off and nobody would know. \
                     The next `zhanggui seal` notes one."
                .to_owned(),
        };
        format!(
            "The books agree; orders, payments and refunds say the same.\n\naccounts    {}\ntransfers   {}\nseals       {}\n\
             sealed      {}\nnot sealed  {}\n\n{key}{last}",
            looked.accounts, looked.transfers, looked.seals, looked.sealed, looked.unsealed
        )
    }
}

impl Shown for Disagreement {
    fn as_json(&self) -> Value {
        json!({
            "agrees": false, "rule": self.rule.to_string(), "subject": self.subject, "found": self.found,
            "expected": self.expected,
        })
    }

    fn as_text(&self) -> String {
        format!(
            "rule     {}\nsubject  {}\nfound    {}\nexpected {}",
            self.rule, self.subject, self.found, self.expected
        )
    }
}
