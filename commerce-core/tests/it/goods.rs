use crate::db::Db;
use crate::shop::{START, TestShop, yuan};
use commerce_core::catalog::id_of_code;
use commerce_core::customer::Level;
use commerce_core::error::{Code, Failure, Language};
use commerce_core::import::{BadRow, Format, ImportError, Mode, Privacy, RowFault, Sheet};
use commerce_core::pricing::{Buyer, Price, PriceRule};
use commerce_core::time::DAY;
use strum::IntoEnumIterator;

#[tokio::test(flavor = "multi_thread")]
async fn prices_are_quoted_with_the_rule_that_decided() {
    for db in Db::both().await {
        let t = TestShop::open(&db).await;
        let sku = t.add_product("TEA", &["TEA-1"]).await[0];
        let price = |rule, amount: &str| Price {
            id: id_of_code(t.tenant, amount),
            sku,
            rule,
            amount: yuan(amount),
            valid_from: START,
            valid_to: START.plus_micros(DAY),
        };
        let prices =
            [price(PriceRule::Channel("douyin".into()), "9.50"), price(PriceRule::Member(Level::Gold), "9.00")];
        t.shop.set_prices(&t.staff(), &prices).await.unwrap();
        let quote = async |level, channel: &str| {
            let quote = t.shop.quote(&t.staff(), sku, &Buyer { level, channel: channel.into() }, None).await.unwrap();
            format!("{} {}", quote.unit.amount(), quote.rule)
        };
        assert_eq!(quote(Level::Regular, "h5").await, "10.00 list");
        assert_eq!(quote(Level::Regular, "douyin").await, "9.50 channel:douyin");
        assert_eq!(quote(Level::Gold, "douyin").await, "9.00 member:gold");
        t.clock.advance(DAY);
        assert_eq!(quote(Level::Gold, "douyin").await, "10.00 list", "prices end when they end");

        let below = t.shop.set_prices(&t.staff(), &[price(PriceRule::Member(Level::Gold), "5.99")]).await;
        assert_eq!(below.unwrap_err().code(), Code::PriceBelowFloor);
        let over = t.shop.set_prices(&t.staff(), &[price(PriceRule::Member(Level::Gold), "8.00")]).await;
        assert_eq!(over.unwrap_err().code(), Code::PriceExpired);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn low_stock_is_told_once_until_restocked() {
    for db in Db::both().await {
        let t = TestShop::open(&db).await;
        let product = t.product("EGG", commerce_core::catalog::ProductKind::Physical);
        let sku = commerce_core::catalog::Sku { low_stock: 5, ..t.sku(&product, "EGG-30", "30.00") };
        let id = sku.id;
        t.shop.save_products(&t.staff(), &[(product, vec![sku])]).await.unwrap();
        t.receive(id, 6).await;
        let buyer = t.add_customer("C1").await;
        assert_eq!(t.shop.sweep(&t.system()).await.unwrap().running_low, 0);
        t.shop.place_order(&buyer.caller, buyer.customer, "key-00000001", buyer.wants(&[(id, 2)])).await.unwrap();
        let mut told = Vec::new();
        for _ in 0..2 {
            told.push(t.shop.sweep(&t.system()).await.unwrap().running_low);
        }
        t.receive(id, 10).await;
        told.push(t.shop.sweep(&t.system()).await.unwrap().running_low);
        t.shop.place_order(&buyer.caller, buyer.customer, "key-00000002", buyer.wants(&[(id, 11)])).await.unwrap();
        told.push(t.shop.sweep(&t.system()).await.unwrap().running_low);
        assert_eq!(told, [1, 0, 0, 1]);
        let events = t.shop.store().events_after(0, 1_000).await.unwrap();
        assert_eq!(events.iter().filter(|placed| placed.event.name == "Stock.Low").count(), 2);
    }
}

const CATEGORIES: &str = "code,name,parent,name_en,position\npantry,粮油,,Pantry,1\nrice,大米,pantry,Rice,2\n";
const PRODUCTS: &str = "product_code,kind,title,sku_code,list_price,category,attributes,options,weight_g,cost,floor_price,components,media\n\
    RICE,physical,\"五常大米，2026 新米\",RICE-5KG,59.90,rice,产地=五常;等级=一级,规格=5kg,5000,30,45.00,,a.jpg b.jpg\n\
    RICE,physical,\"五常大米，2026 新米\",RICE-10KG,109.90,rice,产地=五常;等级=一级,规格=10kg,10000,60,90.00,,a.jpg b.jpg\n\
    BOX,physical,礼盒,BOX-1,150,,\"{\"\"说明\"\":\"\"a=b;c\"\"}\",,,,100,RICE-5KG*2;RICE-10KG*1,\n\
    CARD,virtual,会员卡,CARD-1,9.9,,,,,,,,\n";
const WAREHOUSES: &str = "code,name,region,rank\nHZ,杭州仓,华东,1\nCD,成都仓,西南,2\n";
const BATCHES: &str = "batch_code,sku_code,harvest_year,processing_date,best_before,total_qty,farmer_id\nB-1,RICE-5KG,2026,2026-10-08,2027-10-08T00:00:00Z,500,FM-7\n";
const PRICES: &str = "sku_code,kind,selector,amount,valid_from,valid_to\nRICE-5KG,member,gold,55.00,2026-01-01T00:00:00Z,2027-01-01T00:00:00Z\n";
const STOCK: &str = "sku_code,warehouse_code,on_hand,batch_code\nRICE-5KG,HZ,40,B-1\nRICE-10KG,CD,7,\n";
const CUSTOMERS: &str = "customer_code,name,phone,level,tags,recipient,recipient_phone,province,city,street,is_default\n\
    C1,王小满,13800001234,gold,老客户;爱喝茶,王小满,13800001234,浙江省,杭州市,稻香路 8 号,1\nC1,王小满,13800001234,gold,老客户;爱喝茶,王妈妈,13900001234,四川省,成都市,茶园街 3 号,0\nC2,李雨桐,,,,,,,,,\n";
const ORDERS: &str = "order_no,customer_code,channel,state,created_at,sku_code,qty,unit_price,discount,freight,recipient,phone,province,street,remark\n\
    2025-1,C1,taobao,COMPLETED,2025-11-11T00:00:01Z,RICE-5KG,2,49.90,5.00,8.00,王小满,13800001234,浙江省,稻香路 8 号,\"请放门口, 谢谢\"\n2025-1,C1,taobao,COMPLETED,2025-11-11T00:00:01Z,CARD-1,1,9.90,5.00,8.00,王小满,13800001234,浙江省,稻香路 8 号,\"请放门口, 谢谢\"\n";
const ALL: [(Sheet, &str); 8] = [
    (Sheet::Categories, CATEGORIES),
    (Sheet::Warehouses, WAREHOUSES),
    (Sheet::Products, PRODUCTS),
    (Sheet::Batches, BATCHES),
    (Sheet::Prices, PRICES),
    (Sheet::Customers, CUSTOMERS),
    (Sheet::Stock, STOCK),
    (Sheet::Orders, ORDERS),
];

#[tokio::test(flavor = "multi_thread")]
async fn what_is_exported_imports_again_as_it_was() {
    assert_eq!(Sheet::iter().count(), ALL.len());
    for db in Db::both().await {
        for (seed, format) in [(1, Format::Csv), (3, Format::Jsonl)] {
            let code = format!("{format:?}").to_lowercase();
            let t = TestShop::on(db.store().await, &code, seed).await;
            for (sheet, text) in ALL {
                let report = t.shop.import(&t.staff(), sheet, Format::Csv, text.as_bytes(), Mode::Whole).await.unwrap();
                assert_eq!((report.written, report.bad.len()), (report.rows, 0), "{sheet} on {}", db.name);
            }
            let copy = TestShop::on(db.store().await, &format!("{code}-copy"), seed + 1).await;
            for (sheet, _) in ALL {
                let text = t.shop.export(&t.staff(), sheet, format, Privacy::Full).await.unwrap();
                copy.shop
                    .import(&copy.staff(), sheet, format, text.as_bytes(), Mode::Whole)
                    .await
                    .unwrap_or_else(|error| panic!("{sheet}: {error} {error:?}\n{text}"));
                let again = copy.shop.export(&copy.staff(), sheet, format, Privacy::Full).await.unwrap();
                assert_eq!(again, text, "{sheet} on {}", db.name);
                // Into the shop it came from it changes nothing either.
                t.shop.import(&t.staff(), sheet, format, text.as_bytes(), Mode::Whole).await.unwrap();
                assert_eq!(t.shop.export(&t.staff(), sheet, format, Privacy::Full).await.unwrap(), text);
            }
            t.assert_books().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn personal_data_leaves_masked_unless_asked_for() {
    let db = Db::sqlite().await;
    let t = TestShop::open(&db).await;
    for (sheet, text) in ALL {
        t.shop.import(&t.staff(), sheet, Format::Csv, text.as_bytes(), Mode::Whole).await.unwrap();
    }
    for sheet in [Sheet::Customers, Sheet::Orders] {
        let masked = t.shop.export(&t.staff(), sheet, Format::Csv, Privacy::Masked).await.unwrap();
        for secret in ["13800001234", "王小满", "稻香路", "请放门口"] {
            assert!(!masked.contains(secret), "{sheet} shows {secret}");
        }
        assert!(masked.contains("138****1234") && masked.contains("浙江省"), "{masked}");
        let report = t.shop.import(&t.staff(), sheet, Format::Csv, masked.as_bytes(), Mode::DryRun).await.unwrap();
        assert!(report.bad.iter().all(|bad| bad.fault == RowFault::Masked) && !report.bad.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_bad_row_is_listed_and_nothing_is_written() {
    for db in Db::both().await {
        let t = TestShop::open(&db).await;
        let text = "product_code,kind,title,sku_code,list_price,floor_price,weight_g,category,components\n\
            GOOD,physical,好米,GOOD-1,10.00,5.00,100,,\n\
            BAD1,metal,坏米,BAD-1,10.001,5.00,-3,,\n\
            BAD2,physical,,BAD-2,4.00,5.00,100,nowhere,\n\
            BAD3,physical,少一格,BAD-3,1.00\n\
            BAD4,physical,礼盒,BAD-4,10.00,1.00,100,,NONE*2\n\
            GOOD,physical,又一个名字,GOOD-2,10.00,5.00,100,,\n\
            BAD5,physical,空,GOOD-1,99999999999999999999,1,1,,\n";
        let import = async |mode| t.shop.import(&t.staff(), Sheet::Products, Format::Csv, text.as_bytes(), mode).await;
        let expected = [
            (3, "kind"),
            (3, "list_price"),
            (3, "weight_g"),
            (4, "category"),
            (4, "list_price"),
            (4, "title"),
            (5, ""),
            (6, "components"),
            (7, "product_code"),
            (8, "list_price"),
        ];
        // Line 4 lacks a title, so its category is not looked up: a row is checked against the shop once it can be read.
        let expected: Vec<(u64, &str)> = expected.into_iter().filter(|at| *at != (4, "category")).collect();
        let dry = import(Mode::DryRun).await.unwrap();
        assert_eq!(
            dry.bad.iter().map(|bad| (bad.line, bad.field.as_str())).collect::<Vec<_>>(),
            expected,
            "{:#?}",
            dry.bad
        );
        let Err(ImportError::Rejected(whole)) = import(Mode::Whole).await else { panic!("a bad file is rejected") };
        assert_eq!((whole.written, &whole.bad), (0, &dry.bad));
        assert!(
            t.shop
                .store()
                .read()
                .await
                .unwrap()
                .products(t.tenant, commerce_core::money::Currency::CNY)
                .await
                .unwrap()
                .is_empty()
        );
        let partial = import(Mode::Partial).await.unwrap();
        assert_eq!((partial.written, &partial.bad), (1, &dry.bad));
        let products =
            t.shop.store().read().await.unwrap().products(t.tenant, commerce_core::money::Currency::CNY).await.unwrap();
        assert_eq!(products.len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_are_not_what_they_should_be() {
    let db = Db::sqlite().await;
    let t = TestShop::open(&db).await;
    let check = async |format, bytes: &[u8], expected: &str| {
        let error = t.shop.import(&t.staff(), Sheet::Categories, format, bytes, Mode::Whole).await.unwrap_err();
        let text = match &error {
            ImportError::Rejected(report) => report.bad.iter().map(said).collect(),
            other => other.to_string(),
        };
        assert!(text.contains(expected), "{text}");
        assert!(matches!(error.code(), Code::UnreadableFile | Code::ImportRejected));
        assert!(!error.zh().is_empty());
    };
    let gbk = b"code,name\nrice,\xb4\xf3\xc3\xd7\n";
    check(Format::Csv, gbk, "line 2 is not UTF-8").await;
    check(Format::Csv, b"", "empty").await;
    check(Format::Jsonl, b"\n\n", "empty").await;
    check(Format::Csv, b"code\nrice\n", "column name is missing").await;
    check(Format::Csv, b"code,name,colour\nrice,Rice,white\n", "no column \"colour\"").await;
    check(Format::Csv, b"code,name,name\nrice,Rice,Rice\n", "there twice").await;
    check(Format::Jsonl, b"{\"code\":\"rice\",\"name\":\"Rice\"}\n{oops\n", "line 2").await;
    check(Format::Jsonl, b"[1,2]\n", "not a JSON object").await;
    check(Format::Csv, &[b"code,name\n".as_slice(), &vec![b'x'; 10 << 20], b",y\n"].concat(), "line 2 is longer").await;
    check(Format::Csv, b"code,name\nri\x07ce,Rice\n", "control characters").await;
    // A byte order mark is what spreadsheets put in front; it is not a fault.
    let report = t
        .shop
        .import(&t.staff(), Sheet::Categories, Format::Csv, b"\xef\xbb\xbfcode,name\nrice,Rice\n", Mode::Whole)
        .await
        .unwrap();
    assert_eq!(report.written, 1);
    assert_eq!("goods.xlsx".parse::<Format>().unwrap_err().code(), Code::UnreadableFile);
}

fn said(bad: &BadRow) -> String {
    assert!(!bad.reason(Language::Chinese).is_empty());
    format!("line {} {}: {}\n", bad.line, bad.field, bad.reason(Language::English))
}
