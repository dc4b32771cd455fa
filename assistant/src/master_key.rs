//! The file with the master key, from which secrets of the shop are derived.

use crate::trouble::Trouble;
use clap::Args;
use commerce_core::Shop;
use commerce_core::secret::MasterKey;
use rand::TryRng;
use std::io::{ErrorKind, Write};
use std::path::PathBuf;

#[derive(Args)]
pub(crate) struct MasterKeyFile {
    /// Where the master key is kept; made if it is not there. Secrets that were told are lost without it: keep a copy of it
    /// away from the database.
    #[arg(long, env = "ZHANGGUI_MASTER_KEY", value_name = "FILE", default_value = "zhanggui.master-key")]
    master_key: PathBuf,
}

impl MasterKeyFile {
    pub(crate) fn load(&self, shop: &Shop) -> Result<(), Trouble> {
        shop.load_master_key(self.read_or_make()?);
        Ok(())
    }

    fn read_or_make(&self) -> Result<MasterKey, Trouble> {
        let name = self.master_key.display();
        match std::fs::read_to_string(&self.master_key) {
            Ok(text) => MasterKey::read(&text).ok_or_else(|| {
                Trouble::say(format!(
                    "{name} holds no master key; restore it from its copy or give another --master-key"
                ))
            }),
            Err(error) if error.kind() == ErrorKind::NotFound => self.make(),
            Err(error) => Err(Trouble::say(format!("{name} cannot be read: {error}; give another --master-key"))),
        }
    }

    /// A new key, in a file that only its owner can read.
    fn make(&self) -> Result<MasterKey, Trouble> {
        use std::os::unix::fs::OpenOptionsExt;
        let name = self.master_key.display();
        let unusable = |error| Trouble::say(format!("{name} cannot be written: {error}; give another --master-key"));
        let mut key = [0; 32];
        rand::rngs::SysRng.try_fill_bytes(&mut key).map_err(Trouble::say)?;
        let digits: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut options = std::fs::OpenOptions::new();
        let mut new = options.write(true).create_new(true).mode(0o600).open(&self.master_key).map_err(unusable)?;
        new.write_all(format!("{digits}\n").as_bytes()).and_then(|()| new.sync_all()).map_err(unusable)?;
        eprintln!("Made a new master key in {name}; keep a copy of it away from the database.");
        Ok(MasterKey::new(key))
    }
}
