//! The one file a service is run by. Every setting has a default, a wrong one is named, and secrets are in files of their own.

use crate::http::LimitsConfig;
use crate::platforms::{AlipayConfig, WeChatConfig};
use crate::trouble::Trouble;
use serde::Deserialize;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// All settings with their defaults and what they mean.
pub(crate) const COMMENTED: &str = include_str!("../../zhanggui.toml");
/// `ZHANGGUI__SERVER__LISTEN=0.0.0.0:80` goes before `listen` under `[server]`.
const ENV_PREFIX: &str = "ZHANGGUI__";

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) server: Server,
    pub(crate) database: Database,
    pub(crate) shop: ShopDefaults,
    pub(crate) keys: Keys,
    pub(crate) sandbox: Sandbox,
    pub(crate) webhooks: Webhooks,
    pub(crate) wechat: WeChatConfig,
    pub(crate) alipay: AlipayConfig,
    pub(crate) limits: LimitsConfig,
    pub(crate) jobs: Jobs,
    pub(crate) log: Log,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Server {
    pub(crate) listen: SocketAddr,
    /// Health, readiness and metrics.
    pub(crate) admin_listen: SocketAddr,
    /// Under which address clients and payment channels reach the service; empty for the one it listens on.
    pub(crate) public_url: String,
    pub(crate) allowed_origins: Vec<String>,
    pub(crate) trusted_proxies: Vec<IpAddr>,
    pub(crate) secure_cookies: bool,
    /// How long requests under way are waited for at the end.
    pub(crate) goodbye_s: u64,
}

impl Default for Server {
    fn default() -> Self {
        let on_this_machine = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Self {
            listen: on_this_machine(8080),
            admin_listen: on_this_machine(8081),
            public_url: String::new(),
            allowed_origins: Vec::new(),
            trusted_proxies: Vec::new(),
            secure_cookies: true,
            goodbye_s: 20,
        }
    }
}

#[derive(Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Database {
    pub(crate) url: String,
    /// Where the address holds a password: a file with it, in place of `url`.
    pub(crate) url_file: Option<PathBuf>,
    /// Bring the schema to this version when the service starts.
    pub(crate) migrate: bool,
}

// Without what may be a password: `config check` prints it.
impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let url = match (self.url.split_once("://"), self.url.rsplit_once('@')) {
            (Some((scheme, _)), Some((_, host))) => format!("{scheme}://…@{host}"),
            _ => self.url.clone(),
        };
        let (url_file, migrate) = (&self.url_file, &self.migrate);
        f.debug_struct("Database").field("url", &url).field("url_file", url_file).field("migrate", migrate).finish()
    }
}

impl Default for Database {
    fn default() -> Self {
        Self { url: "sqlite:zhanggui.db".to_owned(), url_file: None, migrate: true }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ShopDefaults {
    /// The shop of those who name none.
    pub(crate) default: String,
    /// The shop where anybody may sign in as any customer; empty for none.
    pub(crate) demo_sign_in: String,
    /// Where the codes for phones go: `log`, for practice, or `none`.
    pub(crate) phone_codes: PhoneCodes,
}

impl Default for ShopDefaults {
    fn default() -> Self {
        Self { default: "demo".to_owned(), demo_sign_in: String::new(), phone_codes: PhoneCodes::None }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PhoneCodes {
    None,
    Log,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Keys {
    /// From which secrets are derived: made if it is not there. Without it nobody's second factor works.
    pub(crate) master_file: PathBuf,
    /// The key that signs the books: made if it is not there.
    pub(crate) seal_file: PathBuf,
}

impl Default for Keys {
    fn default() -> Self {
        Self { master_file: "zhanggui.master-key".into(), seal_file: "zhanggui.seal-key".into() }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Sandbox {
    /// The shops that take money through the sandbox.
    pub(crate) shops: Vec<String>,
    pub(crate) url: String,
    pub(crate) merchant: String,
    pub(crate) fee_bp: u32,
    pub(crate) timeout_ms: u64,
    /// What both sides make their keys from; the development secret where it is left out.
    pub(crate) secret_file: Option<PathBuf>,
}

impl Default for Sandbox {
    fn default() -> Self {
        Self {
            shops: Vec::new(),
            url: "http://127.0.0.1:8085".to_owned(),
            merchant: "M-1".to_owned(),
            fee_bp: 60,
            timeout_ms: 5_000,
            secret_file: None,
        }
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Webhooks {
    /// Whether endpoints may be on this machine: for practice.
    pub(crate) to_this_machine: bool,
}

/// How often what time asks for is done; 0 leaves it to others.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Jobs {
    pub(crate) sweep_s: u64,
    pub(crate) chase_s: u64,
    pub(crate) seal_s: u64,
    pub(crate) webhooks_s: u64,
}

impl Default for Jobs {
    fn default() -> Self {
        Self { sweep_s: 10, chase_s: 5, seal_s: 300, webhooks_s: 1 }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Log {
    pub(crate) format: LogFormat,
    /// `info`, or finer: `info,zhanggui::http=debug`.
    pub(crate) level: String,
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::Json, level: "info".to_owned() }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LogFormat {
    Json,
    Text,
}

impl Config {
    /// The file, where there is one, and over it what the environment says.
    pub(crate) fn load(file: Option<&Path>) -> Result<Self, Trouble> {
        let text = match file {
            Some(file) => std::fs::read_to_string(file).map_err(|error| unreadable(file, error))?,
            None => String::new(),
        };
        let name = file.map_or("the environment".to_owned(), |file| file.display().to_string());
        Self::read(&text, std::env::vars()).map_err(|fault| Trouble::say(format!("{name}: {fault}")))
    }

    fn read(text: &str, environment: impl Iterator<Item = (String, String)>) -> Result<Self, String> {
        let mut table: Table = text.parse().map_err(|error: toml::de::Error| error.to_string())?;
        for (name, value) in environment {
            if let Some(path) = name.strip_prefix(ENV_PREFIX) {
                put(&mut table, &path.to_ascii_lowercase(), value).map_err(|fault| format!("{name}: {fault}"))?;
            }
        }
        table.try_into().map_err(|error: toml::de::Error| error.to_string())
    }

    pub(crate) fn database_url(&self) -> Result<String, Trouble> {
        match &self.database.url_file {
            Some(file) => read_secret(file),
            None => Ok(self.database.url.clone()),
        }
    }
}

/// `server__listen`, put where it belongs.
fn put(table: &mut Table, path: &str, value: String) -> Result<(), String> {
    let (section, key) = path.split_once("__").ok_or("write it as ZHANGGUI__SECTION__KEY")?;
    let section = table.entry(section).or_insert_with(|| Value::Table(Table::new()));
    let section = section.as_table_mut().ok_or("this is no section")?;
    // What reads as a number, a switch or a list is one; everything else is text.
    let read = format!("value = {value}").parse::<Table>().ok().and_then(|mut parsed| parsed.remove("value"));
    section.insert(key.to_owned(), read.unwrap_or(Value::String(value)));
    Ok(())
}

pub(super) fn read_secret(file: &Path) -> Result<String, Trouble> {
    let text = std::fs::read_to_string(file).map_err(|error| unreadable(file, error))?;
    Ok(text.trim().to_owned())
}

fn unreadable(file: &Path, error: std::io::Error) -> Trouble {
    Trouble::say(format!("{} cannot be read: {error}; check its place", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, environment: &[(&str, &str)]) -> Result<Config, String> {
        Config::read(text, environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    #[test]
    fn the_commented_file_says_what_the_defaults_are() {
        let commented = read(COMMENTED, &[]).unwrap();
        assert_eq!(format!("{commented:?}"), format!("{:?}", Config::default()));
    }

    #[test]
    fn the_environment_goes_before_the_file() {
        let file = "[server]\nlisten = '127.0.0.1:1'\n[jobs]\nsweep_s = 7";
        let environment = [
            ("ZHANGGUI__SERVER__LISTEN", "0.0.0.0:80"),
            ("ZHANGGUI__JOBS__CHASE_S", "9"),
            ("ZHANGGUI__SHOP__DEFAULT", "42"),
            ("ZHANGGUI__SERVER__ALLOWED_ORIGINS", "['https://a.example']"),
            ("ZHANGGUI_LANG", "zh"),
        ];
        let wrong = read(file, &environment).unwrap_err();
        assert!(wrong.contains("default"), "a number is no shop: {wrong}");
        let config = read(file, &[&environment[..2], &environment[3..]].concat()).unwrap();
        assert_eq!(config.server.listen.to_string(), "0.0.0.0:80");
        assert_eq!((config.jobs.sweep_s, config.jobs.chase_s), (7, 9));
        assert_eq!(config.server.allowed_origins, ["https://a.example"]);
    }

    #[test]
    fn a_password_is_not_printed() {
        let config = read("[database]\nurl = 'postgres://shop:s3cret@db/zhanggui'", &[]).unwrap();
        let printed = format!("{config:?}");
        assert!(!printed.contains("s3cret") && printed.contains("postgres://…@db/zhanggui"), "{printed}");
    }

    #[test]
    fn what_is_misspelt_is_named() {
        for (text, named) in [
            ("[server]\nlissen = '127.0.0.1:1'", "lissen"),
            ("[servr]\nlisten = '127.0.0.1:1'", "servr"),
            ("[jobs]\nsweep_s = 'often'", "sweep_s"),
            ("[log]\nformat = 'xml'", "xml"),
        ] {
            let fault = read(text, &[]).unwrap_err();
            assert!(fault.contains(named), "{named}: {fault}");
        }
    }
}
