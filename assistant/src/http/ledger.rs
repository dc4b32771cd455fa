//! The books: balances, statements, transfers by hand, proofs.

use super::Service;
use super::caller::{Keyed, Signed};
use super::error::Problem;
use super::wire::{Answer, Created, IdempotencyKey, Json, Money, Page, Path, Query, Time, TransferRef, created};
use axum::extract::State;
use commerce_core::id::Id;
use commerce_core::ledger::{self, Account, Purpose, Side, Transfer as Booking};
use commerce_core::money::Money as Exact;
use commerce_core::store::AccountSearch;
use commerce_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Service> {
    OpenApiRouter::new()
        .routes(routes!(list_balances))
        .routes(routes!(get_statement))
        .routes(routes!(transfer_by_hand))
        .routes(routes!(prove_transfer))
}

#[derive(Serialize, ToSchema)]
struct Balance {
    /// `merchant`, `clearing:sandbox`, `gift_card:gft_…`
    account: String,
    /// Positive on the account's usual side.
    balance: Money,
    /// What can be taken from it: what is promised is as good as gone.
    available: Money,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct BalanceQuery {
    /// A kind of account, or one account: `clearing`, `clearing:sandbox`.
    #[param(example = "merchant", max_length = 80)]
    account: Option<String>,
    /// How they stood then.
    #[param(value_type = Option<String>, format = DateTime)]
    as_of: Option<Time>,
}

/// The balances of accounts, now or at any moment.
#[utoipa::path(get, path = "/ledger/balances", params(BalanceQuery), responses((status = 200, body = Page<Balance>)))]
async fn list_balances(
    State(service): State<Service>,
    Signed(caller): Signed,
    Query(query): Query<BalanceQuery>,
) -> Answer<Page<Balance>> {
    let account = query.account.as_deref().map(str::parse::<Account>).transpose()?;
    let search = account.map(|account| AccountSearch { kind: Some(account.kind), owner: account.owner });
    let as_of = query.as_of.map(|time| time.0);
    let balances = service.shop.balances(&caller, &search.unwrap_or_default(), as_of).await?.into_iter();
    let balance = |one: ledger::Balance| Balance {
        account: one.account.to_string(),
        balance: one.posted().into(),
        available: one.available().into(),
    };
    Ok(Json(Page::whole(balances.map(balance))))
}

#[derive(Serialize, ToSchema)]
struct Statement {
    account: String,
    opening: Money,
    closing: Money,
    /// At most ten thousand.
    entries: Vec<Entry>,
    /// Whether there are more; `closing` counts them, too.
    is_cut: bool,
}

#[derive(Serialize, ToSchema)]
struct Entry {
    transfer: TransferRef,
    at: Time,
    /// `single`, `pending`, `post`, `void`, …
    phase: String,
    purpose: String,
    /// What it is about: a payment, a refund, a gift card.
    subject: String,
    other_account: String,
    /// `debit` or `credit`.
    side: String,
    amount: Money,
    balance: Money,
}

impl From<ledger::Entry> for Entry {
    fn from(one: ledger::Entry) -> Self {
        Self {
            transfer: one.transfer.into(),
            at: one.at.into(),
            phase: one.phase,
            purpose: one.purpose.to_string(),
            subject: one.subject,
            other_account: one.other.to_string(),
            side: match one.side {
                Side::Debit => "debit".to_owned(),
                Side::Credit => "credit".to_owned(),
            },
            amount: one.amount.into(),
            balance: one.balance.into(),
        }
    }
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct StatementQuery {
    #[param(example = "merchant", max_length = 80)]
    account: String,
    /// ISO 4217; the shop's own where it is left out.
    #[param(example = "CNY", pattern = "^[A-Z]{3}$")]
    currency: Option<String>,
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<Time>,
    #[param(value_type = Option<String>, format = DateTime)]
    to: Option<Time>,
}

/// What moved on an account, and what stood on it before and after.
#[utoipa::path(get, path = "/ledger/statement", params(StatementQuery), responses((status = 200, body = Statement)))]
async fn get_statement(
    State(service): State<Service>,
    Signed(caller): Signed,
    Query(query): Query<StatementQuery>,
) -> Answer<Statement> {
    let account: Account = query.account.parse()?;
    let currency = match &query.currency {
        Some(code) => code.parse()?,
        None => service.shop.own_tenant(&caller).await?.currency,
    };
    let from = query.from.map_or(Timestamp::from_micros(0), |time| time.0);
    let to = query.to.map_or_else(|| service.shop.now(), |time| time.0);
    let statement = service.shop.statement(&caller, &account, currency, from, to).await?;
    Ok(Json(Statement {
        account: statement.account.to_string(),
        opening: statement.opening.into(),
        closing: statement.closing.into(),
        entries: statement.entries.into_iter().map(Entry::from).collect(),
        is_cut: statement.is_cut,
    }))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewTransfer {
    /// The account that is debited.
    #[schema(example = "bank", max_length = 80)]
    debit: String,
    #[schema(example = "clearing:sandbox", max_length = 80)]
    credit: String,
    amount: Money,
    purpose: HandPurpose,
}

#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum HandPurpose {
    /// A channel paid out what it held.
    PayOut,
    Compensation,
    Manual,
}

/// A transfer that is booked for good.
#[derive(Serialize, ToSchema)]
struct Transfer {
    id: TransferRef,
    debit: String,
    credit: String,
    amount: Money,
    purpose: String,
    at: Time,
}

/// Book a transfer by hand.
#[utoipa::path(post, path = "/ledger/transfers", params(IdempotencyKey), responses((status = 201, body = Transfer)))]
async fn transfer_by_hand(
    State(service): State<Service>,
    Keyed(caller): Keyed,
    Json(given): Json<NewTransfer>,
) -> Created<Transfer> {
    let purpose = match given.purpose {
        HandPurpose::PayOut => Purpose::PayOut,
        HandPurpose::Compensation => Purpose::Compensation,
        HandPurpose::Manual => Purpose::Manual,
    };
    // The ledger's own rule makes it one transfer however often it is sent: the id follows from the key.
    let key = caller.once.as_ref().map(|once| once.key.as_str()).unwrap_or_default();
    let id = Id::derived(&format!("{}/{}", caller.tenant, caller.named_actor()), key);
    let (debit, credit) = (given.debit.parse()?, given.credit.parse()?);
    let transfer = Booking::single(id, debit, credit, Exact::try_from(&given.amount)?, purpose);
    let booked = service.shop.transfer(&caller, &[transfer]).await?;
    let one = booked.into_iter().next().ok_or_else(|| Problem::internal("a transfer was booked as nothing"))?;
    created(Transfer {
        id: one.id.into(),
        debit: one.debit.to_string(),
        credit: one.credit.to_string(),
        amount: one.amount.into(),
        purpose: one.purpose.to_string(),
        at: one.at.into(),
    })
}

/// A proof that a transfer is in the books as they were signed.
#[derive(Serialize, ToSchema)]
struct Proof {
    entry: String,
    digest: String,
    position: u64,
    /// The hashes beside the way from the entry to the root.
    path: Vec<String>,
    sealed_entries: u64,
    root: String,
    public_key: String,
    signature: String,
    sealed_at: Time,
}

/// Prove that a transfer is in the signed books.
#[utoipa::path(get, path = "/ledger/transfers/{transfer}/proof", responses((status = 200, body = Proof)))]
async fn prove_transfer(
    State(service): State<Service>,
    Signed(caller): Signed,
    Path(id): Path<String>,
) -> Answer<Proof> {
    let proof = service.shop.prove(&caller, id.parse()?).await?.ok_or_else(Problem::not_sealed)?;
    Ok(Json(Proof {
        entry: proof.entry,
        digest: proof.digest,
        position: proof.position,
        path: proof.path,
        sealed_entries: proof.seal.size,
        root: proof.seal.root,
        public_key: proof.seal.key,
        signature: proof.seal.signature,
        sealed_at: proof.seal.at.into(),
    }))
}
