//! Orders of the past, one row for each line. They change no stock: what they sold has left long ago.

use super::cells::Reader;
use super::table::{Cells, Table};
use super::{Import, ImportError, Outcome, Privacy, RowFault, Thing};
use crate::catalog::{SkuId, id_of_code};
use crate::checkout::Offer;
use crate::customer::{Destination, mask_destination};
use crate::event::{Event, EventName};
use crate::id::Id;
use crate::money::{Money, MoneyError};
use crate::order::{Hold, Line, Order, OrderId, State};
use crate::payment::{ELSEWHERE, PaymentError, Tab};
use crate::store::{Conn, OrderSearch, StoreError};
use crate::tenant::Tenant;
use crate::time::Timestamp;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// A row: a line, and what its order says in every one of its rows.
struct LineRow {
    line: u64,
    head: Head,
    sku_code: String,
    qty: u32,
    unit_price: Money,
}

#[derive(Clone, PartialEq)]
struct Head {
    order_no: String,
    customer_code: String,
    channel: String,
    state: State,
    created_at: Timestamp,
    discount: Money,
    freight: Money,
    tax: Money,
    /// Zero where the file leaves it to be summed.
    total: Money,
    destination: Destination,
    remark: String,
    cancel_reason: String,
}

pub(super) async fn import_orders(import: &mut Import<'_>, table: &Table) -> Result<Outcome, ImportError> {
    let tenant = import.tenant;
    let mut of_order: BTreeMap<String, Vec<LineRow>> = BTreeMap::new();
    for row in &table.rows {
        if let Some(row) = read_line(Reader::new(row, import.faults), row.line, tenant) {
            of_order.entry(row.head.order_no.clone()).or_default().push(row);
        }
    }
    let customers: BTreeSet<String> =
        import.tx.customers(tenant.id).await?.into_iter().map(|customer| customer.code).collect();
    let codes: BTreeSet<String> = of_order.values().flatten().map(|row| row.sku_code.clone()).collect();
    let offers = {
        let known = import.tx.skus_by_code(tenant.id, &codes).await?;
        let ids = known.values().map(|sku| sku.id).collect();
        import.tx.offers(tenant.id, tenant.currency, &ids, import.shop.now()).await?
    };
    let mut orders = Vec::new();
    let mut lines = Vec::new();
    let mut unchanged = 0;
    for rows in of_order.values() {
        let Some((order, of_order)) = assemble(import, rows, &customers, &offers) else { continue };
        if import.tx.order_by_no(tenant.id, None, &order.order_no).await?.is_some() {
            unchanged += of_order.len();
            continue;
        }
        orders.push(order);
        lines.extend(of_order);
    }
    if !import.is_to_write() || orders.is_empty() {
        return Ok(Outcome { written: 0, unchanged });
    }
    let tabs = orders.into_iter().map(paid_elsewhere).collect::<Result<Vec<Tab>, PaymentError>>()?;
    let orders: Vec<Order> = tabs.iter().map(|tab| tab.order.clone()).collect();
    import.tx.insert_orders(tenant.id, &orders).await?;
    let transfers: Vec<_> = tabs.iter().flat_map(|tab| tab.transfers.iter().cloned()).collect();
    import.tx.book(tenant.id, &transfers).await.map_err(PaymentError::from)?;
    import.tx.save_tabs(tenant.id, &tabs.iter().collect::<Vec<_>>()).await?;
    import.tx.insert_lines(tenant.id, &lines).await?;
    let imported = |order: &Order| {
        let payload = json!({ "order_no": order.order_no, "state": order.state.to_string(), "total": order.total });
        Event::new(
            import.shop.mint_id(order.created_at),
            EventName::OrderImported,
            order.id,
            import.caller,
            order.created_at,
            payload,
        )
        .of_version(order.version)
    };
    let events: Vec<Event> = orders.iter().map(imported).collect();
    import.tx.record(tenant.id, &events).await?;
    Ok(Outcome { written: lines.len(), unchanged })
}

fn read_line(mut cell: Reader<'_>, line: u64, tenant: &Tenant) -> Option<LineRow> {
    let currency = tenant.currency;
    let (order_no, customer_code, sku_code) =
        (cell.code("order_no"), cell.code("customer_code"), cell.code("sku_code"));
    let (channel, state, created_at) = (
        cell.needed("channel", 40),
        cell.word("state", None::<State>, "the states of docs/states.md"),
        cell.time("created_at", None),
    );
    let (qty, unit_price) = (cell.number("qty", 0_u32), cell.money("unit_price", currency));
    let (discount, freight) = (cell.money("discount", currency), cell.money("freight", currency));
    let (tax, total) = (cell.money("tax", currency), cell.money("total", currency));
    let (recipient, phone, province, city) =
        (cell.text("recipient", 100), cell.text("phone", 32), cell.text("province", 50), cell.text("city", 50));
    let (district, street, remark, reason) = (
        cell.text("district", 50),
        cell.text("street", 200),
        cell.text("remark", 500),
        cell.text("cancel_reason", 200),
    );
    if qty == Some(0) {
        cell.bad("qty", RowFault::BelowOne);
    }
    if phone.as_deref().is_some_and(|phone| phone.contains('*')) {
        cell.bad("phone", RowFault::Masked);
    }
    let destination = Destination {
        recipient: recipient?,
        phone: phone?,
        province: province?,
        city: city?,
        district: district?,
        street: street?,
    };
    let head = Head {
        order_no: order_no?,
        customer_code: customer_code?,
        channel: channel?,
        state: state?,
        created_at: created_at?,
        discount: discount?,
        freight: freight?,
        tax: tax?,
        total: total?,
        destination,
        remark: remark?,
        cancel_reason: reason?,
    };
    Some(LineRow { line, head, sku_code: sku_code?, qty: qty?, unit_price: unit_price? })
}

type Offers = HashMap<SkuId, Offer>;

/// One order from its rows; nothing where a row of it is bad: an order is imported whole.
fn assemble(
    import: &mut Import<'_>,
    rows: &[LineRow],
    customers: &BTreeSet<String>,
    offers: &Offers,
) -> Option<(Order, Vec<Line>)> {
    let tenant = import.tenant;
    let first = rows.first()?;
    let head = &first.head;
    let id: OrderId = Id::derived(&tenant.id.to_string(), &format!("order/{}", head.order_no));
    if !customers.contains(&head.customer_code) {
        import.faults.add(first.line, "customer_code", RowFault::unknown(Thing::Customer, &head.customer_code));
    }
    let mut lines = Vec::new();
    for (position, row) in (0..).zip(rows) {
        if row.head != *head {
            let fault = RowFault::Differs { code: head.order_no.clone(), line: first.line };
            import.faults.add(row.line, "order_no", fault);
        }
        match offers.get(&id_of_code(tenant.id, &row.sku_code)) {
            None => import.faults.add(row.line, "sku_code", RowFault::unknown(Thing::Sku, &row.sku_code)),
            Some(offer) => match line_of(id, position, row, offer) {
                Ok(line) => lines.push(line),
                Err(error) => import.faults.add(row.line, "unit_price", error.into()),
            },
        }
    }
    if rows.iter().any(|row| import.faults.has(row.line)) {
        return None;
    }
    match order_of(id, tenant, head, &lines) {
        Ok(order) => Some((order, lines)),
        Err(fault) => {
            import.faults.add(first.line, "total", fault);
            None
        }
    }
}

fn line_of(order: OrderId, position: u32, row: &LineRow, offer: &Offer) -> Result<Line, MoneyError> {
    let amount = row.unit_price.times(i64::from(row.qty))?;
    Ok(Line {
        id: Id::derived(&order.to_string(), &position.to_string()),
        order,
        position,
        sku: offer.sku,
        product: offer.product,
        kind: offer.kind,
        sku_code: row.sku_code.clone(),
        title: offer.title.clone(),
        options: offer.options.clone(),
        qty: row.qty,
        unit_price: row.unit_price,
        price_rule: "imported".to_owned(),
        amount,
        tax: Money::zero(amount.currency()),
        weight_g: u64::from(offer.weight_g) * u64::from(row.qty),
        activity: None,
        batch: None,
        discount: Money::zero(amount.currency()),
        returned_qty: 0,
    })
}

/// An order that comes with its history was paid where it comes from; the books say so, and that we have it to claim there.
fn paid_elsewhere(order: Order) -> Result<Tab, PaymentError> {
    let (id, now) = (order.id, order.created_at);
    let owed = order.owes()?;
    let mut tab = Tab::open(order, Vec::new(), now);
    if owed.minor() > 0 && !tab.order.state.is_unpaid() {
        tab.take(Id::following(id, ELSEWHERE), ELSEWHERE, owed)?;
        tab.settle(&"".into(), || Id::following(id, "refund"))?;
    }
    Ok(tab)
}

fn order_of(id: OrderId, tenant: &Tenant, head: &Head, lines: &[Line]) -> Result<Order, RowFault> {
    let sums = || -> Result<(Money, Money), MoneyError> {
        let goods = Money::sum(tenant.currency, lines.iter().map(|line| line.amount))?;
        Ok((goods, goods.checked_sub(head.discount)?.checked_add(head.freight)?))
    };
    let (goods, before_tax) = sums()?;
    let total = if head.total.is_zero() { before_tax } else { head.total };
    if total.is_negative() || (total != before_tax && before_tax.checked_add(head.tax).ok() != Some(total)) {
        return Err(RowFault::NotTheSum { total, goods });
    }
    Ok(Order {
        id,
        order_no: head.order_no.clone(),
        customer: id_of_code(tenant.id, &head.customer_code),
        channel: head.channel.clone(),
        state: head.state,
        hold: Hold::None,
        hold_until: head.created_at,
        pay_until: head.created_at.plus_minutes(tenant.settings.payment_timeout_minutes),
        currency: tenant.currency,
        goods,
        discount: head.discount,
        freight: head.freight,
        tax: head.tax,
        total,
        paid: Money::zero(tenant.currency),
        returned: Money::zero(tenant.currency),
        discounts: Vec::new(),
        weight_g: lines.iter().map(|line| line.weight_g).sum(),
        destination: head.destination.clone(),
        invoice: None,
        remark: head.remark.clone(),
        metadata: BTreeMap::new(),
        cancel_reason: head.cancel_reason.clone(),
        version: 1,
        created_at: head.created_at,
        updated_at: head.created_at,
    })
}

pub(super) async fn export_orders(
    conn: &mut Conn,
    tenant: &Tenant,
    privacy: Privacy,
) -> Result<Vec<Cells>, StoreError> {
    let codes: HashMap<_, _> =
        conn.customers(tenant.id).await?.into_iter().map(|customer| (customer.id, customer.code)).collect();
    let mut rows = Vec::new();
    let mut search = OrderSearch::default();
    loop {
        let page = conn.search_orders(tenant.id, None, &search, 1_000).await?;
        let Some(last) = page.last() else { return Ok(rows) };
        search.after = Some((last.created_at, last.id));
        let ids: Vec<OrderId> = page.iter().map(|order| order.id).collect();
        let mut of_order: HashMap<OrderId, Vec<Line>> = HashMap::new();
        for line in conn.order_lines(tenant.id, &ids).await? {
            of_order.entry(line.order).or_default().push(line);
        }
        for order in &page {
            let customer = codes.get(&order.customer).map_or("", String::as_str);
            rows.extend(
                of_order.get(&order.id).into_iter().flatten().map(|line| order_cells(order, line, customer, privacy)),
            );
        }
    }
}

fn order_cells(order: &Order, line: &Line, customer: &str, privacy: Privacy) -> Cells {
    // People write phone numbers into their remarks and reasons.
    let (to, remark, reason) = match privacy {
        Privacy::Full => (order.destination.clone(), order.remark.clone(), order.cancel_reason.clone()),
        Privacy::Masked => (mask_destination(&order.destination), String::new(), String::new()),
    };
    vec![
        order.order_no.clone(),
        customer.to_owned(),
        order.channel.clone(),
        order.state.to_string(),
        order.created_at.to_string(),
        line.sku_code.clone(),
        line.qty.to_string(),
        line.unit_price.amount(),
        order.discount.amount(),
        order.freight.amount(),
        order.tax.amount(),
        order.total.amount(),
        to.recipient,
        to.phone,
        to.province,
        to.city,
        to.district,
        to.street,
        remark,
        reason,
    ]
}
