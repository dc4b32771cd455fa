//! A small shop on a database of its own, and the program to run it with.

use commerce_core::caller::Caller;
use commerce_core::catalog::id_of_code;
use commerce_core::import::{Format, Mode, Sheet};
use commerce_core::money::Currency;
use commerce_core::store::Store;
use commerce_core::tenant::{Settings, TenantId};
use commerce_core::{Item, OrderRequest, Shop};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;
use tempfile::TempDir;

pub(crate) const PATIENCE: Duration = Duration::from_secs(15);

pub(crate) struct Stall {
    pub(crate) dir: TempDir,
    shop: Shop,
    tenant: TenantId,
    /// Where the sandbox is.
    pub(crate) sandbox_url: String,
}

impl Stall {
    /// Tea at 10.00, without freight from 99.00 on.
    pub(crate) async fn open() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}/shop.db", dir.path().display());
        Store::migrate(&url).await.unwrap();
        let shop = Shop::new(Store::open(&url).await.unwrap());
        let tenant = shop.open_tenant("stall", "茶摊", Currency::CNY).await.unwrap().id;
        let sheets = [
            (Sheet::Warehouses, "code,name,region,rank\nW1,一号仓,华东,1\n"),
            (
                Sheet::Products,
                "product_code,kind,title,sku_code,weight_g,list_price,cost,floor_price\nTEA,physical,茶,TEA,100,10.00,5.00,6.00\n",
            ),
            (Sheet::Stock, "sku_code,warehouse_code,on_hand\nTEA,W1,1000\n"),
            (
                Sheet::Customers,
                "customer_code,name,phone,recipient,recipient_phone,province,city,district,street\nC1,王小满,13800001234,王小满,13800001234,浙江省,杭州市,西湖区,稻香路 8 号\n",
            ),
        ];
        for (sheet, text) in sheets {
            let staff = Caller::staff(tenant);
            shop.import(&staff, sheet, Format::Csv, text.as_bytes(), Mode::Whole).await.unwrap();
        }
        Self { dir, shop, tenant, sandbox_url: String::new() }
    }

    /// Above so many cents, two people have to agree to a refund.
    pub(crate) async fn set_refund_check_over(&self, cents: i64) {
        let settings = Settings { refund_check_over: Some(cents), ..Settings::default() };
        self.shop.change_settings(&Caller::staff(self.tenant), settings).await.unwrap();
    }

    /// An order that waits to be paid.
    pub(crate) async fn order(&self, key: &str, qty: u32) -> String {
        let customer = id_of_code(self.tenant, "C1");
        let addresses = self.shop.store().read().await.unwrap().addresses(self.tenant, Some(customer)).await.unwrap();
        let request = OrderRequest {
            items: vec![Item::of(id_of_code(self.tenant, "TEA"), qty)],
            address: Some(addresses[0].id),
            channel: "h5".into(),
            ..OrderRequest::default()
        };
        let buyer = Caller::shopper(self.tenant, customer);
        self.shop.place_order(&buyer, customer, key, request).await.unwrap().order_no
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = program(self.dir.path());
        command
            .args(arguments)
            .env("DATABASE_URL", self.database())
            .env("ZHANGGUI_SHOP", "stall")
            .env("ZHANGGUI_LANG", "en");
        command.env("ZHANGGUI_SANDBOX_URL", &self.sandbox_url);
        command
    }

    pub(crate) fn database(&self) -> String {
        format!("sqlite:{}/shop.db", self.dir.path().display())
    }

    /// What the command prints, which must end well.
    pub(crate) fn run(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let text = self.run(&[arguments, &["--json"]].concat());
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{arguments:?}: {error} in {text}"))
    }

    /// What the command complains of, which must not end well.
    pub(crate) fn complaint(&self, arguments: &[&str]) -> String {
        complaint(&self.command(arguments).output().unwrap())
    }
}

/// The program, without what the developer has set for a shop of their own.
fn program(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_zhanggui"));
    command.current_dir(dir);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("ZHANGGUI_")) {
        command.env_remove(name);
    }
    command
}

pub(crate) fn complaint(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A program that runs until this is dropped.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// A sandbox on a free port, and its address.
pub(crate) fn sandbox(dir: &Path, arguments: &[&str]) -> (Running, String) {
    let mut command = program(dir);
    command.args(["sandbox-pay", "--port", "0"]).args(arguments).stdout(Stdio::piped());
    let mut running = Running(command.spawn().unwrap());
    let line = first_line(running.0.stdout.take().unwrap());
    (running, address_in(&line))
}

pub(crate) fn address_in(line: &str) -> String {
    let from = line.find("http://").unwrap_or_else(|| panic!("an address in {line:?}"));
    line[from..].split([';', ' ', '\n']).next().unwrap().to_owned()
}

/// The first line that comes; what comes after it is read and forgotten, so that nobody waits to be read.
pub(crate) fn first_line(output: impl Read + Send + 'static) -> String {
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            drop(send.send(line));
        }
    });
    receive.recv_timeout(PATIENCE).expect("a line")
}

/// Everything that comes, up to the end of the program.
pub(crate) fn all_of(mut output: impl Read + Send + 'static) -> String {
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || {
        let mut text = String::new();
        drop(output.read_to_string(&mut text));
        drop(send.send(text));
    });
    receive.recv_timeout(PATIENCE).expect("an end")
}
