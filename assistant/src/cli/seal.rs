//! `zhanggui seal` and `zhanggui verify`, and the files beside the database: the key, and the imprint of the last seal.

use super::At;
use super::output::{Output, Shown};
use crate::key_files::{SEAL_KEY_FILE, imprint_beside, seal_all, seal_key, seal_key_or_new};
use crate::trouble::Trouble;
use clap::Args;
use commerce_core::caller::Caller;
use commerce_core::ledger::seal::{Imprint, Trusted};
use commerce_core::tenant::TenantId;
use commerce_core::{Disagreement, Sealed, Shop, Verified, VerifyError};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

#[derive(Args)]
pub(crate) struct Seal {
    /// Where the secret key is kept; made if it is not there. The last seal of each shop is noted beside it, in
    /// FILE.<shop>.last. Keep copies of both away from the database.
    #[arg(long, env = "ZHANGGUI_SEAL_KEY", value_name = "FILE", default_value = SEAL_KEY_FILE)]
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

pub(crate) async fn seal(options: Seal) -> Result<(), Trouble> {
    let (shop, tenant) = options.at.open().await?;
    let key = seal_key_or_new(&options.key)?;
    let sealed = seal_all(&shop, tenant.id, &key, &options.key).await?;
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
        match (seal_key(self.file())?, &self.key) {
            (Some(key), _) => Ok(Some(key.public())),
            (None, None) => Ok(None),
            (None, Some(file)) => {
                Err(Trouble::say(format!("there is no {}; give the key file's place or --public-key", file.display())))
            }
        }
    }

    fn last_seal(&self, tenant: TenantId) -> Result<Option<Imprint>, Trouble> {
        imprint_beside(self.file(), tenant)
    }

    fn file(&self) -> &Path {
        self.key.as_deref().unwrap_or(Path::new(SEAL_KEY_FILE))
    }
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
