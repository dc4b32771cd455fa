//! Baskets of any kind in three currencies: what lines cost is what the order costs, and what goes back ends at what came in.
//! `PROPTEST_CASES=1000000 cargo test -p commerce-core payment` runs millions.

use super::{COUNTER, Payment, RefundState, Tab};
use crate::catalog::{Labels, ProductKind};
use crate::checkout::{FreightPolicy, Offer, PricedLine, TaxMode, TaxPolicy, total_up};
use crate::customer::Destination;
use crate::id::{Id, Mint};
use crate::money::{Currency, Money, Rate};
use crate::order::{Hold, Line, Order, State};
use crate::port::{FeeOnRefund, Receipt, Terms};
use crate::pricing::{PriceRule, Quote};
use crate::rules::FreightRelief;
use crate::time::Timestamp;
use proptest::prelude::*;
use std::collections::BTreeMap;

const NOW: Timestamp = Timestamp::from_micros(1_795_000_000_000_000);

/// One line of a basket: unit price, pieces, how much of it in basis points a coupon takes off.
type Wanted = (i64, u32, i64);

fn currency() -> impl Strategy<Value = Currency> {
    prop_oneof![Just(Currency::CNY), Just(Currency::JPY), Just(Currency::KWD)]
}

fn tax() -> impl Strategy<Value = TaxPolicy> {
    (0_u32..3_000, prop_oneof![Just(TaxMode::Included), Just(TaxMode::Added)])
        .prop_map(|(points, mode)| TaxPolicy { rate: Rate::from_basis_points(points), mode })
}

fn wanted() -> impl Strategy<Value = Vec<Wanted>> {
    prop::collection::vec((1_i64..500_000, 1_u32..40, 0_i64..9_000), 1..8)
}

fn priced(currency: Currency, tax: &TaxPolicy, (price, qty, off): Wanted) -> PricedLine {
    let unit = Money::from_minor(price, currency);
    let offer = Offer {
        sku: Id::derived("t", "sku"),
        product: Id::derived("t", "product"),
        kind: ProductKind::Physical,
        product_code: String::new(),
        category: String::new(),
        sku_code: String::new(),
        title: String::new(),
        options: Labels::new(),
        is_on_sale: true,
        weight_g: 300,
        list_price: unit,
        floor_price: Money::zero(currency),
        prices: Vec::new(),
    };
    let line = PricedLine::new(&offer, qty, Quote { unit, rule: PriceRule::List }, tax).unwrap();
    let discount = Money::from_minor(line.amount.minor() * off / 10_000, currency);
    line.reduced(discount, tax).unwrap()
}

fn order(currency: Currency, tax: &TaxPolicy, lines: &[PricedLine]) -> Order {
    let shares: Vec<_> = lines.iter().map(PricedLine::share).collect();
    let totals = total_up(&shares, "浙江省", currency, &FreightPolicy::default(), FreightRelief::None, tax).unwrap();
    let zero = Money::zero(currency);
    Order {
        id: Id::derived("t", "order"),
        order_no: String::new(),
        customer: Id::derived("t", "customer"),
        channel: String::new(),
        state: State::Paid,
        hold: Hold::Consumed,
        hold_until: NOW,
        pay_until: NOW,
        currency,
        goods: totals.goods,
        discount: totals.discount,
        freight: totals.freight,
        tax: totals.tax,
        total: totals.total,
        paid: zero,
        returned: zero,
        discounts: Vec::new(),
        weight_g: 0,
        destination: Destination::default(),
        invoice: None,
        remark: String::new(),
        metadata: BTreeMap::new(),
        cancel_reason: String::new(),
        version: 1,
        created_at: NOW,
        updated_at: NOW,
    }
}

/// Nobody is refunded more than they paid by any one payment, and the tab knows what went back.
fn check(tab: &Tab, came_in: i64) -> Result<(), TestCaseError> {
    let back: i64 = tab.refunds.iter().filter(|r| r.state != RefundState::Failed).map(|r| r.amount.minor()).sum();
    prop_assert_eq!(tab.order.paid.minor(), came_in - back);
    for payment in &tab.payments {
        prop_assert!(payment.refunding.minor() + payment.refunded.minor() <= payment.amount.minor());
        prop_assert!(payment.deposited.minor() >= 0);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn lines_sum_to_the_total_and_refunds_end_at_the_capture(
        currency in currency(), tax in tax(), wanted in wanted(), gift in 0_i64..100, steps in prop::collection::vec((0_usize..8, 1_u32..20), 1..30),
        fee_on_refund in prop_oneof![Just(FeeOnRefund::Kept), Just(FeeOnRefund::Returned)],
    ) {
        let priced: Vec<PricedLine> = wanted.into_iter().map(|line| priced(currency, &tax, line)).collect();
        let order = order(currency, &tax, &priced);
        let added_tax = |line: &Line| match tax.mode {
            TaxMode::Added => line.tax,
            TaxMode::Included => Money::zero(currency),
        };
        let mut lines: Vec<Line> =
            (0..).zip(&priced).map(|(i, line)| Line::new(Id::derived("line", &i.to_string()), order.id, i, line)).collect();
        let whole: i64 = lines.iter().map(|line| line.worth(line.qty, added_tax(line)).unwrap().minor()).sum();
        prop_assert_eq!(whole + order.freight.minor(), order.total.minor());

        // Paid in two parts: at the counter, and through a channel that takes a fee.
        let (total, mint) = (order.total.minor(), Mint::seeded(3));
        let terms = Terms { code: "sandbox".into(), merchant: "M".into(), fee: Rate::from_basis_points(60), fee_on_refund };
        let mut tab = Tab::open(order, Vec::new(), NOW);
        let at_counter = total * gift / 100;
        if at_counter > 0 {
            tab.take(mint.id(NOW), COUNTER, Money::from_minor(at_counter, currency)).unwrap();
        }
        let rest = Money::from_minor(total - at_counter, currency);
        let channel = mint.id(NOW);
        if rest.minor() > 0 {
            tab.payments.push(Payment::new(channel, tab.order.id, "sandbox", rest, NOW));
            let receipt = Receipt { channel_no: "T1".into(), merchant: "M".into(), amount: rest };
            prop_assert!(tab.capture(channel, &receipt, &terms).unwrap());
            prop_assert!(!tab.capture(channel, &receipt, &terms).unwrap(), "once");
        }
        tab.settle(&"".into(), || mint.id(NOW)).unwrap();
        prop_assert_eq!(tab.order.owes().unwrap().minor(), 0);

        // Some of the goods come back, in any order and any number; then the order is canceled.
        for (line, qty) in steps {
            let count = lines.len();
            let line = &mut lines[line % count];
            let qty = qty.min(line.qty - line.returned_qty);
            if qty == 0 {
                continue;
            }
            let worth = line.worth(qty, added_tax(line)).unwrap();
            line.returned_qty += qty;
            tab.order.returned = tab.order.returned.checked_add(worth).unwrap();
            tab.settle(&"".into(), || mint.id(NOW)).unwrap();
            check(&tab, total)?;
        }
        tab.order.state = State::Canceled;
        tab.settle(&"".into(), || mint.id(NOW)).unwrap();
        check(&tab, total)?;
        prop_assert_eq!(tab.order.paid.minor(), 0);

        // Every refund arrives; fee and refund end exactly where they began.
        for mut refund in std::mem::take(&mut tab.refunds) {
            if refund.state == RefundState::Approved {
                let amount = refund.amount;
                prop_assert!(tab.refunded(&mut refund, "R1", amount, terms.fee_on_refund).unwrap());
            }
        }
        for payment in &tab.payments {
            prop_assert_eq!(payment.refunded, payment.amount);
            let fee_back = if fee_on_refund == FeeOnRefund::Returned { payment.fee } else { Money::zero(currency) };
            prop_assert_eq!(payment.fee_returned, fee_back);
        }
        let balance: i64 = tab.transfers.iter().map(|t| t.effect()).map(|(debit, credit)| {
            debit.debits_posted + debit.debits_pending - credit.credits_posted - credit.credits_pending
        }).sum();
        prop_assert_eq!(balance, 0);
    }
}

fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(10_000)
}
