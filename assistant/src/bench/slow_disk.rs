//! A disk with slow syncs, made by preloading a shim into a second run of this very program.

use std::path::PathBuf;
use tokio::process::Command;

const SHIM: &str = include_str!("slow_sync.c");
const DELAY: &str = "ZHANGGUI_SYNC_DELAY_MS";

/// Whether this run already has the slow disk under it.
pub(super) fn is_here() -> bool {
    std::env::var_os(DELAY).is_some()
}

/// Runs the same command again on a disk whose every sync takes `millis` longer.
pub(super) async fn run_again(millis: u32) -> Result<(), String> {
    let dir = tempfile::tempdir().map_err(|error| error.to_string())?;
    let shim = compile(dir.path()).await?;
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let status = Command::new(program)
        .args(std::env::args_os().skip(1))
        .env("LD_PRELOAD", shim)
        .env(DELAY, millis.to_string())
        .kill_on_drop(true)
        .status()
        .await
        .map_err(|error| error.to_string())?;
    if status.success() { Ok(()) } else { Err(format!("the run on the slow disk ended with {status}")) }
}

async fn compile(dir: &std::path::Path) -> Result<PathBuf, String> {
    let (source, shim) = (dir.join("slow_sync.c"), dir.join("slow_sync.so"));
    std::fs::write(&source, SHIM).map_err(|error| error.to_string())?;
    let compiled =
        Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&shim).arg(&source).arg("-ldl").output().await;
    let output = compiled.map_err(|error| format!("cc cannot be run: {error}; install a C compiler"))?;
    if output.status.success() { Ok(shim) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}
