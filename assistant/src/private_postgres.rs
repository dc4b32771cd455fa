//! A PostgreSQL of one's own, for tests and benchmarks: started from the installed binaries in a temporary directory,
//! as an unprivileged user, on a free port of this machine, and gone when it is dropped.
//!
//! A program that is killed by a signal drops nothing; whoever holds a server works inside [`until_stopped`].

use crate::trouble::Trouble;
use std::io;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tokio::signal::unix::{SignalKind, signal};

pub(crate) struct PrivatePostgres {
    server: Child,
    dir: tempfile::TempDir,
    bin: PathBuf,
    user: Option<(u32, u32)>,
    port: u16,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    #[error("PostgreSQL is not installed; install the package `postgresql` (Debian: apt-get install postgresql)")]
    NotInstalled,
    #[error("{step} failed: {output}")]
    Failed { step: &'static str, output: String },
    #[error("PostgreSQL refuses to run as root, and there is no user `postgres` or `nobody` to run it as")]
    NoUser,
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Does the work unless the program is told to end before; then what the work holds is dropped, servers among it.
pub(crate) async fn until_stopped<T>(work: impl Future<Output = Result<T, Trouble>>) -> Result<T, Trouble> {
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Trouble::say)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(Trouble::say)?;
    tokio::select! {
        done = work => done,
        _ = interrupt.recv() => Err(Trouble::say("interrupted")),
        _ = terminate.recv() => Err(Trouble::say("terminated")),
    }
}

impl PrivatePostgres {
    pub(crate) async fn start() -> Result<Self, StartError> {
        let bin = find_binaries().ok_or(StartError::NotInstalled)?;
        let dir = tempfile::Builder::new().prefix("zhanggui-pg-").tempdir()?;
        let user = unprivileged()?;
        if let Some((uid, gid)) = user {
            std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o700))?;
            chown(dir.path(), Some(uid), Some(gid))?;
        }
        let data = dir.path().join("data");
        let init = as_user(&bin.join("initdb"), user)
            .current_dir(dir.path())
            .args(["--username=zhanggui", "--auth=trust", "--encoding=UTF8", "--locale=C", "--pgdata"])
            .arg(&data)
            .output()?;
        if !init.status.success() {
            return Err(StartError::Failed {
                step: "initdb",
                output: String::from_utf8_lossy(&init.stderr).into_owned(),
            });
        }
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let log = std::fs::File::create(dir.path().join("log"))?;
        let server = server(&bin.join("postgres"), user)
            .current_dir(dir.path())
            .arg("-D")
            .arg(&data)
            .args(["-p", &port.to_string(), "-k", "", "-c", "listen_addresses=127.0.0.1", "-c", "max_connections=300"])
            .args(["-c", "shared_buffers=512MB", "-c", "max_wal_size=4GB"])
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()?;
        let postgres = Self { server, dir, bin, user, port };
        postgres.wait_until_ready().await?;
        Ok(postgres)
    }

    /// The server's own database; `zhanggui` may create others beside it.
    pub(crate) fn url(&self) -> String {
        format!("postgres://zhanggui@127.0.0.1:{}/postgres", self.port)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn bin(&self) -> &Path {
        &self.bin
    }

    async fn wait_until_ready(&self) -> Result<(), StartError> {
        let deadline = Instant::now() + Duration::from_secs(30);
        while Instant::now() < deadline {
            let ready = Command::new(self.bin.join("pg_isready"))
                .args(["-q", "-h", "127.0.0.1", "-U", "zhanggui", "-d", "postgres", "-p", &self.port.to_string()])
                .status()?;
            if ready.success() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let log = std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default();
        Err(StartError::Failed { step: "starting postgres", output: log })
    }
}

impl Drop for PrivatePostgres {
    fn drop(&mut self) {
        // A quick end is fine: everything it holds is thrown away with its directory. But it has to send its processes home
        // itself, or they would still write there.
        let stop = as_user(&self.bin.join("pg_ctl"), self.user)
            .current_dir(self.dir.path())
            .args(["stop", "--silent", "--mode=immediate", "--pgdata"])
            .arg(self.dir.path().join("data"))
            .output();
        if !stop.is_ok_and(|stop| stop.status.success()) {
            drop(self.server.kill());
        }
        drop(self.server.wait());
    }
}

/// Debian keeps the server's programs outside the path.
fn find_binaries() -> Option<PathBuf> {
    let mut places: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .map(|versions| versions.flatten().map(|version| version.path().join("bin")).collect())
        .unwrap_or_default();
    places.sort();
    places.reverse();
    places.extend(std::env::var_os("PATH").iter().flat_map(std::env::split_paths));
    places
        .into_iter()
        .find(|place| ["initdb", "postgres", "pg_ctl", "pg_isready"].iter().all(|name| place.join(name).is_file()))
}

/// Whom to run as when we are root: PostgreSQL will not run as root itself.
fn unprivileged() -> Result<Option<(u32, u32)>, StartError> {
    use std::os::unix::fs::MetadataExt;
    let is_root = std::fs::metadata("/proc/self")?.uid() == 0;
    if !is_root {
        return Ok(None);
    }
    let users = std::fs::read_to_string("/etc/passwd")?;
    let ids = |name: &str| {
        let fields: Vec<&str> = users.lines().find(|line| line.split(':').next() == Some(name))?.split(':').collect();
        Some((fields.get(2)?.parse().ok()?, fields.get(3)?.parse().ok()?))
    };
    ids("postgres").or_else(|| ids("nobody")).map(Some).ok_or(StartError::NoUser)
}

/// A server that ends with us even when we are killed, where the system has the program for it. It watches the thread that
/// starts it, so that has to be the main one.
fn server(program: &Path, user: Option<(u32, u32)>) -> Command {
    let setpriv = Path::new("/usr/bin/setpriv");
    if !setpriv.is_file() {
        return as_user(program, user);
    }
    let mut command = as_user(setpriv, user);
    command.args(["--pdeathsig", "QUIT", "--"]).arg(program);
    command
}

fn as_user(program: &Path, user: Option<(u32, u32)>) -> Command {
    let mut command = Command::new(program);
    if let Some((uid, gid)) = user {
        command.uid(uid).gid(gid);
    }
    command
}
