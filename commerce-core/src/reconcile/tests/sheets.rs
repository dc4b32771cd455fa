use super::*;

const CHINESE: &str = r##"{
    "skip_rows": 1, "comment": "#", "footer": "总笔数", "default_currency": "CNY",
    "columns": {"our_no": "商户订单号", "channel_no": "交易号", "kind": "类型", "amount": "金额", "fee": "手续费", "time": "时间"},
    "kinds": {"支付": "payment", "退款": "refund"},
    "amount_unit": "major", "refund_sign": "negative", "time_format": "local", "utc_offset_minutes": 480
}"##;

const CHINESE_FILE: &str = "渠道对账单\r\n# 起始日期 2026-11-21\r\n时间,商户订单号,交易号,类型,金额,手续费,商品,\r\n\
    `2026-11-21 08:00:00,`pay_1,\t4200001,`支付,\"`1,234.50\",`0.06000,\"米, 五公斤\",\r\n\r\n\
    `2026-11-21 09:30:00,`ref_1,`4200002,退款,-12.00,-0.07,米\r\n总笔数,总额\r\n`2,`1222.50\r\n";

fn chinese() -> StatementFormat {
    serde_json::from_str(CHINESE).unwrap()
}

fn sandbox(lines: &str) -> Result<Vec<StatementRow>, StatementError> {
    let heading = "merchant_order_no,channel_no,type,amount,fee,currency,completed_at,batch_no\n";
    read_statement(format!("{heading}{lines}").as_bytes(), &StatementFormat::sandbox())
}

#[test]
fn a_chinese_statement_reads_alike_in_every_encoding() {
    let rows = read_statement(CHINESE_FILE.as_bytes(), &chinese()).unwrap();
    let told: Vec<_> = rows
        .iter()
        .map(|r| format!("{} {} {} {} {} {} {}", r.line, r.kind, r.our_no, r.channel_no, r.amount, r.fee, r.at))
        .collect();
    assert_eq!(
        told,
        [
            "4 payment pay_1 4200001 1234.50 CNY 0.06 CNY 2026-11-21T00:00:00Z",
            "6 refund ref_1 4200002 12.00 CNY -0.07 CNY 2026-11-21T01:30:00Z",
        ]
    );
    let gbk = encoding_rs::GBK.encode(CHINESE_FILE).0;
    let with_mark = format!("\u{feff}{CHINESE_FILE}");
    let read = |bytes: &[u8], charset| read_statement(bytes, &StatementFormat { encoding: charset, ..chinese() });
    for (bytes, charset) in [(&gbk[..], Charset::Gbk), (with_mark.as_bytes(), Charset::Utf8)] {
        assert_eq!(read(bytes, charset).as_ref(), Ok(&rows));
        assert_eq!(read(bytes, Charset::Auto).as_ref(), Ok(&rows));
    }
    assert_eq!(read(&gbk, Charset::Utf8).unwrap_err(), StatementError::Encoding { charset: "UTF-8", line: 1 });
}

#[test]
fn amounts_are_read_exactly_or_not_at_all() {
    let check = |unit: AmountUnit, cell: &str, expected: Option<i64>| {
        let format = StatementFormat { amount_unit: unit, delimiter: ';', ..StatementFormat::sandbox() };
        let heading = "merchant_order_no;channel_no;type;amount;fee;currency;completed_at;batch_no";
        let file = format!("{heading}\npay_1;c1;PAYMENT;{cell};;CNY;2026-11-21T08:00:00+08:00;\n");
        let rows = read_statement(file.as_bytes(), &format);
        assert_eq!(rows.ok().map(|rows| rows[0].amount.minor()), expected, "{cell}");
    };
    for (cell, minor) in
        [("59.90", 59_90), ("1,234,567.8", 123_456_780), ("59.9000", 59_90), ("`59.9", 59_90), ("0", 0)]
    {
        check(AmountUnit::Major, cell, Some(minor));
    }
    for cell in ["59.905", "12,34", "1,2345.00", ",123", "1,234.5,0", "-1", "", "1e3", "５９", "92233720368547758.08"]
    {
        check(AmountUnit::Major, cell, None);
    }
    check(AmountUnit::Minor, "5,990", Some(59_90));
    check(AmountUnit::Minor, "59.90", None);
    assert!(matches!(
        sandbox("pay_1,c1,PAYMENT,59.905,0,CNY,2026-11-21T08:00:00Z,").unwrap_err(),
        StatementError::Rows { listed, .. } if matches!(listed[0].problem, RowProblem::Money(MoneyError::TooManyDecimals { .. }))
    ));
}

#[test]
fn an_adjustment_may_go_either_way() {
    let rows =
        sandbox(",,ADJUSTMENT,-3.00,0,CNY,2026-11-21T08:00:00Z,\n,,ADJUSTMENT,2.00,0,CNY,2026-11-21T08:00:00Z,\n");
    let amounts: Vec<i64> = rows.unwrap().iter().map(|row| row.amount.minor()).collect();
    assert_eq!(amounts, [-3_00, 2_00]);
}

#[test]
fn bad_rows_are_listed_by_line_and_column() {
    let good = "pay_1,c1,PAYMENT,1.00,0.01,CNY,2026-11-21T08:00:00Z,B1\n";
    let file = [
        good,
        "# note\n,,PAYMENT,1.00,0,CNY,2026-11-21T08:00:00Z,\n",
        "pay_2,c2,GIFT,x,0,CNY,yesterday,\n",
        "pay_3,c3,PAYMENT,1.00,0,EURO,2026-11-21T08:00:00Z,\n",
        "pay_4,c4,PAYMENT,1.00\n",
        "pay_5,c5,REFUND,-1.00,0,CNY,2026-11-21T08:00:00Z,\n",
        "pay\u{7}6,c6,REFUND,1.00,0,CNY,2026-11-21T08:00:00Z,\n",
        "pay_7,c7,REFUND,1.00,0,CNY,2026-11-21T08:00:00Z,\"B1\n",
        good,
    ]
    .concat();
    let error = sandbox(&file).unwrap_err();
    let StatementError::Rows { listed, total } = &error else { panic!("{error}") };
    let told: Vec<_> = listed.iter().map(|fault| format!("{} {}", fault.line, fault.column)).collect();
    let expected = [
        "4 merchant_order_no",
        "5 type",
        "5 completed_at",
        "5 amount",
        "6 currency",
        "7 ",
        "8 amount",
        "9 merchant_order_no",
        "10 ",
    ];
    assert_eq!(told, expected);
    assert_eq!(*total, 9);
    assert_eq!(error.code(), Code::StatementRejected);
    assert!(error.zh().contains("第 4 行 merchant_order_no：既没有我方单号也没有渠道单号"), "{}", error.zh());
    assert!(listed.iter().all(|fault| fault.reason(Language::Chinese) != fault.reason(Language::English)));

    let StatementError::Rows { listed, total } =
        sandbox(&"pay_1,c1,GIFT,1,0,CNY,2026-11-21T08:00:00Z,\n".repeat(70)).unwrap_err()
    else {
        panic!()
    };
    assert_eq!((listed.len(), total), (50, 70));
}

#[test]
fn a_file_or_format_that_cannot_be_used_says_why() {
    assert_eq!(sandbox(""), Ok(vec![]), "a day without trade");
    let read = |text: &str| read_statement(text.as_bytes(), &StatementFormat::sandbox()).unwrap_err();
    assert_eq!(read("\n# nothing\n"), StatementError::Empty);
    let StatementError::MissingColumns { missing, found } = read("merchant_order_no,channel_no,type,金额\n") else {
        panic!()
    };
    assert_eq!(missing, ["amount", "completed_at", "fee", "currency", "batch_no"]);
    assert_eq!(found, ["merchant_order_no", "channel_no", "type", "金额"]);
    let double = sandbox_file(&[]).replace("batch_no", "batch_no,fee");
    assert_eq!(read(&double), StatementError::DoubleColumn { column: "fee".into() });

    let unusable = |format: StatementFormat| read_statement(b"x", &format).unwrap_err();
    let fault = unusable(StatementFormat { utc_offset_minutes: None, ..chinese() });
    assert_eq!(fault, StatementError::BadFormat(FormatFault::NoOffset));
    assert_eq!(fault.code(), Code::UnreadableFile);
    assert_eq!(unusable(StatementFormat { default_currency: None, ..chinese() }), FormatFault::NoCurrency.into());
    assert_eq!(unusable(StatementFormat { delimiter: '，', ..chinese() }), FormatFault::Delimiter('，').into());
    assert_eq!(unusable(StatementFormat { kinds: [].into(), ..chinese() }), FormatFault::NoKinds.into());
}

#[test]
fn a_format_is_kept_as_json() {
    for format in [StatementFormat::sandbox(), chinese()] {
        let json = serde_json::to_string(&format).unwrap();
        assert_eq!(serde_json::from_str::<StatementFormat>(&json).unwrap(), format);
    }
    let misspelt = CHINESE.replace("skip_rows", "skip_row");
    assert!(serde_json::from_str::<StatementFormat>(&misspelt).is_err());
}
