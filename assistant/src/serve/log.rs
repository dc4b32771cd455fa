//! What the service writes down, and how.

use super::config::{Log, LogFormat};
use crate::trouble::Trouble;
use tracing_subscriber::EnvFilter;

pub(super) fn begin(config: &Log) -> Result<(), Trouble> {
    let wrong = |error| Trouble::say(format!("[log] level {:?}: {error}", config.level));
    let filter = EnvFilter::try_new(&config.level).map_err(wrong)?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let begun = match config.format {
        LogFormat::Json => log.json().flatten_event(true).with_current_span(true).with_span_list(false).try_init(),
        LogFormat::Text => log.compact().try_init(),
    };
    begun.map_err(Trouble::say)
}
