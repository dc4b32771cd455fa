//! The files beside a database that must not be in it: the master key, the key that signs the books, and the imprint of the
//! last seal of each shop.

use crate::trouble::Trouble;
use clap::Args;
use commerce_core::caller::Caller;
use commerce_core::ledger::seal::{Imprint, SealKey};
use commerce_core::secret::MasterKey;
use commerce_core::tenant::TenantId;
use commerce_core::{Sealed, Shop};
use rand::TryRng;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

pub(crate) const SEAL_KEY_FILE: &str = "zhanggui.seal-key";

#[derive(Args)]
pub(crate) struct MasterKeyFile {
    /// Where the master key is kept; made if it is not there. Secrets that were told are lost without it: keep a copy of it
    /// away from the database.
    #[arg(long, env = "ZHANGGUI_MASTER_KEY", value_name = "FILE", default_value = "zhanggui.master-key")]
    master_key: PathBuf,
}

impl MasterKeyFile {
    pub(crate) fn load(&self, shop: &Shop) -> Result<(), Trouble> {
        shop.load_master_key(master_key_or_new(&self.master_key)?);
        Ok(())
    }
}

/// Signs what was booked since the last seal, and notes the new one beside the key.
pub(crate) async fn seal_all(shop: &Shop, tenant: TenantId, key: &SealKey, file: &Path) -> Result<Sealed, Trouble> {
    let note = note_of(file, tenant);
    let sealed = shop.seal(&Caller::system(tenant), key, read_imprint(&note)?.as_ref()).await?;
    if let Some(last) = &sealed.last {
        keep_imprint(&note, last)?;
    }
    Ok(sealed)
}

/// The last seal of a shop that is noted beside this key.
pub(crate) fn imprint_beside(key: &Path, tenant: TenantId) -> Result<Option<Imprint>, Trouble> {
    read_imprint(&note_of(key, tenant))
}

pub(crate) fn seal_key_or_new(file: &Path) -> Result<SealKey, Trouble> {
    match seal_key(file)? {
        Some(key) => Ok(key),
        None => {
            let key = SealKey::from_seed(new_secret()?);
            keep_secret(file, &key.seed())?;
            Ok(key)
        }
    }
}

/// The key from which secrets are derived; a new one is made where there is none.
pub(crate) fn master_key_or_new(file: &Path) -> Result<MasterKey, Trouble> {
    let name = file.display();
    let unusable =
        || Trouble::say(format!("{name} holds no master key of 64 hexadecimal digits; restore it from its copy"));
    match std::fs::read_to_string(file) {
        Ok(text) => MasterKey::read(&text).ok_or_else(unusable),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let secret = new_secret()?;
            let text: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
            keep_secret(file, &text)?;
            Ok(MasterKey::new(secret))
        }
        Err(error) => Err(Trouble::say(format!("{name} cannot be read: {error}; make it readable"))),
    }
}

fn new_secret() -> Result<[u8; 32], Trouble> {
    let mut secret = [0; 32];
    rand::rngs::SysRng.try_fill_bytes(&mut secret).map_err(Trouble::say)?;
    Ok(secret)
}

/// Writes a new secret into a file that only its owner can read.
fn keep_secret(file: &Path, text: &str) -> Result<(), Trouble> {
    use std::os::unix::fs::OpenOptionsExt;
    let unusable = |error| Trouble::say(format!("{} cannot be written: {error}; give another place", file.display()));
    let mut new = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file).map_err(unusable)?;
    new.write_all(format!("{text}\n").as_bytes()).and_then(|()| new.sync_all()).map_err(unusable)?;
    eprintln!("Made a new key in {}; keep a copy of it away from the database.", file.display());
    Ok(())
}

pub(crate) fn seal_key(file: &Path) -> Result<Option<SealKey>, Trouble> {
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
