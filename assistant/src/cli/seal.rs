//! `zhanggui seal` and `zhanggui verify`, and the file in which the key is kept.

use super::At;
use super::output::{Output, Shown};
use crate::trouble::Trouble;
use clap::Args;
use commerce_core::caller::Caller;
use commerce_core::ledger::seal::SealKey;
use commerce_core::{Disagreement, Verified, VerifyError};
use rand::TryRng;
use serde_json::{Value, json};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

#[derive(Args)]
pub(crate) struct Seal {
    /// Where the secret key is kept; made if it is not there. Keep a copy of it away from the database.
    #[arg(long, env = "ZHANGGUI_SEAL_KEY", value_name = "FILE", default_value = KEY_FILE)]
    key: PathBuf,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    at: At,
}

#[derive(Args)]
pub(crate) struct Verify {
    /// The file of the key that sealed the books. Without it: zhanggui.seal-key, if that is there.
    #[arg(long, env = "ZHANGGUI_SEAL_KEY", value_name = "FILE")]
    key: Option<PathBuf>,
    /// The public key, as `zhanggui seal` prints it; goes before --key.
    #[arg(long, value_name = "HEX")]
    public_key: Option<String>,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    at: At,
}

const KEY_FILE: &str = "zhanggui.seal-key";

pub(crate) async fn seal(options: Seal) -> Result<(), Trouble> {
    let (shop, tenant) = options.at.open().await?;
    let key = match read_key(&options.key)? {
        Some(key) => key,
        None => make_key(&options.key)?,
    };
    let entries = shop.seal(&Caller::system(tenant.id), &key).await?;
    options.output.show(&Sealed { entries, public_key: key.public() });
    Ok(())
}

pub(crate) async fn verify(options: Verify) -> Result<(), Trouble> {
    let (shop, tenant) = options.at.open().await?;
    let trusted = trusted_key(&options)?;
    match shop.verify(&Caller::staff(tenant.id), trusted.as_deref()).await {
        Ok(verified) => {
            options.output.show(&Agreed { verified, trusted });
            Ok(())
        }
        Err(VerifyError::Disagreement(disagreement)) => {
            options.output.show(&disagreement);
            Err(VerifyError::Disagreement(disagreement).into())
        }
        Err(error) => Err(error.into()),
    }
}

fn trusted_key(options: &Verify) -> Result<Option<String>, Trouble> {
    if let Some(public) = &options.public_key {
        let public = public.trim().to_lowercase();
        let is_key = public.len() == 64 && public.bytes().all(|byte| byte.is_ascii_hexdigit());
        return if is_key {
            Ok(Some(public))
        } else {
            Err(Trouble::say("a public key has 64 hexadecimal digits; copy it from where `zhanggui seal` printed it"))
        };
    }
    let file = options.key.clone().unwrap_or_else(|| KEY_FILE.into());
    match (read_key(&file)?, &options.key) {
        (Some(key), _) => Ok(Some(key.public())),
        (None, None) => Ok(None),
        (None, Some(file)) => {
            Err(Trouble::say(format!("there is no {}; give the key file's place or --public-key", file.display())))
        }
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

struct Sealed {
    entries: usize,
    public_key: String,
}

impl Shown for Sealed {
    fn as_json(&self) -> Value {
        json!({ "sealed": self.entries, "public_key": self.public_key })
    }

    fn as_text(&self) -> String {
        format!("{} entries sealed.\npublic key {}", self.entries, self.public_key)
    }
}

struct Agreed {
    verified: Verified,
    trusted: Option<String>,
}

impl Shown for Agreed {
    fn as_json(&self) -> Value {
        let looked = &self.verified;
        json!({
            "agrees": true, "accounts": looked.accounts, "transfers": looked.transfers, "seals": looked.seals,
            "sealed": looked.sealed, "unsealed": looked.unsealed, "public_key": looked.key,
            "key_is_trusted": self.trusted.is_some(),
        })
    }

    fn as_text(&self) -> String {
        let looked = &self.verified;
        let key = match (&self.trusted, looked.key.as_str()) {
            (_, "") => "Nothing is sealed yet: until `zhanggui seal` has run, whoever rules the database could alter \
                        everything alike."
                .to_owned(),
            (Some(key), _) => format!("All seals are by the trusted key {key}."),
            (None, key) => format!(
                "No key was given: the seals were checked with the key found in them, {key}. Whoever altered the books \
                 could have sealed them anew; give --key or --public-key to be sure."
            ),
        };
        format!(
            "The books agree; orders, payments and refunds say the same.\n\naccounts    {}\ntransfers   {}\nseals       {}\n\
             sealed      {}\nnot sealed  {}\n\n{key}",
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
