//! Gift cards: issued against money that came in, worth what stands on their account.

use super::{Desk, Shop};
use crate::caller::Caller;
use crate::event::{Event, EventName};
use crate::id::{Id, letters};
use crate::ledger::{Account, AccountKind, Purpose, Transfer, hex};
use crate::money::Money;
use crate::payment::{GiftCard, PaymentError};
use crate::permission::Permission;
use crate::secret::Secret;
use crate::tenant::TenantId;
use crate::time::Timestamp;
use serde_json::json;
use sha2::{Digest, Sha256};

/// A new gift card and its code, which is told this once: the shop keeps only a hash of it.
#[derive(Clone, Debug, PartialEq)]
pub struct IssuedGiftCard {
    pub card: GiftCard,
    pub code: Secret,
}

impl Shop {
    /// Issues a gift card. `paid_from` says what it was paid with: the account of the channel or the counter that took the
    /// money, or `promotion` for a present.
    pub async fn issue_gift_card(
        &self,
        caller: &Caller,
        amount: Money,
        paid_from: Account,
        expires_at: Timestamp,
    ) -> Result<IssuedGiftCard, PaymentError> {
        caller.may(Permission::WritePayments)?;
        if amount.minor() <= 0 {
            return Err(PaymentError::GiftCardOfNothing);
        }
        let desk = &*self.desk;
        let code = desk.new_code(caller);
        let (code_hash, paid_from) = (&hash(caller.tenant, &code), &paid_from);
        let tail = &code[code.len() - 4..];
        let card = desk
            .store
            .write(move |mut tx| async move {
                let now = desk.now();
                if tx.answered(caller, ISSUE).await?.is_some() {
                    let (card, _) =
                        tx.gift_card(caller.tenant, code_hash).await?.ok_or(PaymentError::UnknownGiftCard)?;
                    return Ok(tx.leave(card));
                }
                let tenant = tx.tenant(caller.tenant).await?.ok_or(PaymentError::UnknownGiftCard)?;
                // Of another currency nobody could spend it here.
                Money::zero(tenant.currency).checked_add(amount)?;
                let card = GiftCard { id: desk.id(now), tail: tail.to_owned(), amount, expires_at };
                tx.insert_gift_card(caller.tenant, &card, code_hash, now).await?;
                let id = Id::following(card.id, "issue");
                let to = AccountKind::GiftCard.of(card.id);
                let issue = Transfer::single(id, paid_from.clone(), to, amount, Purpose::GiftCardIssued);
                tx.book(caller.tenant, &[issue.about(card.id, now)]).await?;
                // Not the code: whoever reads the events could spend the card.
                let told = json!({ "tail": card.tail, "amount": card.amount, "expires_at": card.expires_at });
                let event = Event::new(desk.id(now), EventName::GiftCardIssued, card.id, caller, now, told);
                tx.record(caller.tenant, &[event]).await?;
                tx.keep_answer(caller, ISSUE, "", now).await?;
                Ok::<_, PaymentError>(tx.keep(card).await?)
            })
            .await?;
        Ok(IssuedGiftCard { card, code: Secret::new(code) })
    }

    /// What a gift card is still worth. Whoever knows the code may ask.
    pub async fn gift_card_balance(&self, caller: &Caller, code: &str) -> Result<(GiftCard, Money), PaymentError> {
        let found = self.desk.store.read().await?.gift_card(caller.tenant, &hash(caller.tenant, code)).await?;
        found.ok_or(PaymentError::UnknownGiftCard)
    }
}

const ISSUE: &str = "gift-card";
const CODE_LENGTH: usize = 16;

impl Desk {
    /// The code of a new card. Whoever asks again because the answer got lost gets the same code, though it is kept nowhere:
    /// it follows from their key and the master key, where there are both.
    fn new_code(&self, caller: &Caller) -> String {
        match (&caller.once, self.master.get()) {
            (Some(once), Some(master)) => {
                let request = format!("{}\n{}\n{}", caller.tenant, caller.named_actor(), once.key);
                letters(&master.derive("gift card", request, 0)[..CODE_LENGTH])
            }
            _ => self.mint.code(CODE_LENGTH),
        }
    }
}

/// Dashes and blanks, small and large letters do not matter.
pub(super) fn hash(tenant: TenantId, code: &str) -> String {
    let plain: String =
        code.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_uppercase()).collect();
    hex(&Sha256::digest(format!("gift card\n{tenant}\n{plain}")))
}
