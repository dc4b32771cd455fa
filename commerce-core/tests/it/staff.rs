//! The shop's people: taking them on, signing in, second factors, keys, and what each of them may not do.

use crate::db::Db;
use crate::shop::{START, TestShop};
use commerce_core::caller::Caller;
use commerce_core::error::{Code, Failure};
use commerce_core::permission::{Grants, Permission};
use commerce_core::secret::MasterKey;
use commerce_core::staff::{Member, MemberState, StaffRole};
use commerce_core::tenant::Settings;
use commerce_core::time::{Clock, DAY, HOUR, MINUTE};
use commerce_core::{NewMember, SignedIn};
use std::sync::Arc;
use totp_rs::{Builder, Secret};

pub(crate) const PASSWORD: &str = "correct horse 马到成功";

pub(crate) struct House {
    pub(crate) t: TestShop,
    pub(crate) owner: Caller,
}

impl House {
    async fn open(db: &Db) -> Self {
        Self::of(TestShop::open(db).await).await
    }

    pub(crate) async fn of(t: TestShop) -> Self {
        t.shop.load_master_key(MasterKey::new([42; 32]));
        let first = NewMember { login: "wang", name: "王掌柜", role: StaffRole::Owner, password: PASSWORD };
        t.shop.hire(&t.staff(), first).await.unwrap();
        let signed_in = t.shop.sign_in(t.tenant, "wang", PASSWORD, None).await.unwrap();
        let owner = t.shop.recognise(signed_in.token.reveal()).await.unwrap();
        Self { t, owner }
    }

    pub(crate) async fn hire(&self, login: &str, role: StaffRole) -> Member {
        let new = NewMember { login, name: "小李", role, password: PASSWORD };
        self.t.shop.hire(&self.owner, new).await.unwrap()
    }

    async fn sign_in(&self, login: &str, password: &str, code: Option<&str>) -> Result<SignedIn, Code> {
        self.t.shop.sign_in(self.t.tenant, login, password, code).await.map_err(|error| error.code())
    }

    pub(crate) async fn caller(&self, login: &str) -> Caller {
        let token = self.sign_in(login, PASSWORD, None).await.unwrap().token;
        self.t.shop.recognise(token.reveal()).await.unwrap()
    }

    /// What the app of somebody with this secret shows now.
    pub(crate) fn code_of(&self, secret: &str) -> String {
        let totp = Builder::new().with_secret(Secret::try_from_base32(secret).unwrap()).build().unwrap();
        totp.generate(u64::try_from(self.t.clock.now().millis()).unwrap() / 1_000).to_string()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_signs_in_may_do_what_their_role_says_until_they_sign_out() {
    for db in Db::both().await {
        let house = House::open(&db).await;
        house.hire("li.na", StaffRole::Clerk).await;
        let signed_in = house.sign_in("li.na", PASSWORD, None).await.unwrap();
        assert_eq!(signed_in.expires_at, START.plus_micros(12 * HOUR));
        let shop = &house.t.shop;
        let li = shop.recognise(signed_in.token.reveal()).await.unwrap();
        assert_eq!((li.who.as_str(), li.grants, li.tenant), ("li.na", StaffRole::Clerk.grants(), house.t.tenant));
        let refused = shop.hire(&li, NewMember { login: "x2", name: "", role: StaffRole::Clerk, password: PASSWORD });
        assert_eq!(refused.await.unwrap_err().code(), Code::NotAllowed, "{}", db.name);

        shop.sign_out(signed_in.token.reveal()).await.unwrap();
        assert_eq!(
            shop.recognise(signed_in.token.reveal()).await.unwrap_err().code(),
            Code::NotSignedIn,
            "{}",
            db.name
        );
        // What was never told, and what time has ended.
        assert_eq!(shop.recognise("zgs_NOBODY").await.unwrap_err().code(), Code::NotSignedIn);
        let token = house.sign_in("li.na", PASSWORD, None).await.unwrap().token;
        house.t.clock.advance(12 * HOUR);
        assert_eq!(shop.recognise(token.reveal()).await.unwrap_err().code(), Code::NotSignedIn, "{}", db.name);
        shop.sweep_all().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_passwords_shut_the_door_and_tell_nothing() {
    for db in Db::both().await {
        let house = House::open(&db).await;
        let li = house.hire("li", StaffRole::Clerk).await;
        assert_eq!(house.sign_in("nobody", PASSWORD, None).await.unwrap_err(), Code::WrongCredentials);
        for _ in 0..5 {
            assert_eq!(house.sign_in("li", "wrong password", None).await.unwrap_err(), Code::WrongCredentials);
        }
        let right = house.sign_in("li", PASSWORD, None).await.unwrap_err();
        assert_eq!(right, Code::SignInLocked, "{}: the right one does not help now", db.name);
        house.t.clock.advance(15 * MINUTE);
        house.sign_in("li", PASSWORD, None).await.unwrap();
        // Shut again, and opened by the owner with a new password.
        for _ in 0..5 {
            house.sign_in("li", "wrong password", None).await.unwrap_err();
        }
        let new = "another password";
        house.t.shop.reset_password(&house.owner, li.id, new).await.unwrap();
        house.sign_in("li", new, None).await.unwrap();
        for bad in ["short", "aaaaaaaaaaaaaaaa", ""] {
            let refused = house.t.shop.reset_password(&house.owner, li.id, bad).await.unwrap_err();
            assert_eq!(refused.code(), Code::InvalidRequest, "{}: {bad}", db.name);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_guesses_at_once_are_counted_one_by_one() {
    for db in Db::both().await {
        let house = Arc::new(House::open(&db).await);
        house.hire("li", StaffRole::Clerk).await;
        let guesses: Vec<_> = (0..20)
            .map(|_| {
                let house = house.clone();
                tokio::spawn(async move { house.sign_in("li", "wrong password", None).await.unwrap_err() })
            })
            .collect();
        let mut wrong = 0;
        for guess in guesses {
            match guess.await.unwrap() {
                Code::WrongCredentials => wrong += 1,
                code => assert!(matches!(code, Code::SignInLocked | Code::DatabaseBusy), "{}: {code:?}", db.name),
            }
        }
        assert!(wrong <= 5, "{}: {wrong} guesses were looked at", db.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_factor_is_asked_for_and_no_code_counts_twice() {
    for db in Db::both().await {
        let house = House::open(&db).await;
        let (shop, li) = (&house.t.shop, house.hire("li", StaffRole::Finance).await);
        let needed = Settings { second_factor_needed: true, ..Settings::default() };
        shop.change_settings(&house.t.staff(), needed).await.unwrap();
        let caller = house.caller("li").await;
        assert_eq!(caller.grants, Grants::NONE, "{}: nothing but setting one up", db.name);
        let factor = shop.begin_second_factor(&caller).await.unwrap();
        assert!(factor.url.reveal().starts_with("otpauth://totp/"), "{}", factor.url.reveal());
        let wrong = shop.confirm_second_factor(&caller, "000000").await.unwrap_err();
        assert_eq!(wrong.code(), Code::WrongSecondFactor);
        let before = house.sign_in("li", PASSWORD, None).await.unwrap().token;
        shop.confirm_second_factor(&caller, &house.code_of(factor.secret.reveal())).await.unwrap();
        let without = shop.recognise(before.reveal()).await.unwrap_err();
        assert_eq!(without.code(), Code::NotSignedIn, "{}: it never showed a code", db.name);
        let twice = shop.begin_second_factor(&caller).await.unwrap_err();
        assert_eq!(twice.code(), Code::SecondFactorInUse, "{}", db.name);

        assert_eq!(house.sign_in("li", PASSWORD, None).await.unwrap_err(), Code::SecondFactorNeeded);
        let used = house.code_of(factor.secret.reveal());
        let again = house.sign_in("li", PASSWORD, Some(&used)).await.unwrap_err();
        assert_eq!(again, Code::WrongSecondFactor, "{}: it was shown before", db.name);
        house.t.clock.advance(MINUTE);
        let code = house.code_of(factor.secret.reveal());
        let signed_in = house.sign_in("li", PASSWORD, Some(&code)).await.unwrap();
        assert_eq!(shop.recognise(signed_in.token.reveal()).await.unwrap().grants, StaffRole::Finance.grants());
        // The phone is lost: the owner takes the factor away, and the old app is worth nothing afterwards.
        shop.drop_second_factor(&house.owner, li.id).await.unwrap();
        assert_eq!(shop.recognise(signed_in.token.reveal()).await.unwrap_err().code(), Code::NotSignedIn);
        house.t.clock.advance(MINUTE);
        let caller = house.caller("li").await;
        let old = shop.confirm_second_factor(&caller, &house.code_of(factor.secret.reveal())).await.unwrap_err();
        assert_eq!(old.code(), Code::WrongSecondFactor, "{}", db.name);
        let own = shop.drop_second_factor(&house.owner, shop.members(&house.owner).await.unwrap()[1].id).await;
        assert_eq!(own.unwrap_err().code(), Code::NotAllowed, "{}: her own", db.name);
        let anew = shop.begin_second_factor(&house.caller("li").await).await.unwrap();
        assert_ne!(anew.secret, factor.secret, "{}", db.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_or_changes_their_password_is_signed_out_everywhere() {
    for db in Db::both().await {
        let house = House::open(&db).await;
        let (shop, li) = (&house.t.shop, house.hire("li", StaffRole::Clerk).await);
        let (first, second) =
            (house.sign_in("li", PASSWORD, None).await.unwrap(), house.sign_in("li", PASSWORD, None).await.unwrap());
        let caller = shop.recognise(first.token.reveal()).await.unwrap();
        let wrong = shop.change_password(&caller, "not the old one", "quite another one").await.unwrap_err();
        assert_eq!(wrong.code(), Code::WrongCredentials);
        shop.change_password(&caller, PASSWORD, "quite another one").await.unwrap();
        for token in [&first.token, &second.token] {
            assert_eq!(shop.recognise(token.reveal()).await.unwrap_err().code(), Code::NotSignedIn, "{}", db.name);
        }
        let token = house.sign_in("li", "quite another one", None).await.unwrap().token;
        let gone = shop.dismiss(&house.owner, li.id).await.unwrap();
        assert_eq!(gone.state, MemberState::Dismissed);
        assert_eq!(shop.recognise(token.reveal()).await.unwrap_err().code(), Code::NotSignedIn, "{}", db.name);
        let back = house.sign_in("li", "quite another one", None).await.unwrap_err();
        assert_eq!(back, Code::WrongCredentials);
        let history = shop.store().read().await.unwrap().history(house.t.tenant, li.id).await.unwrap();
        let done: Vec<(&str, &str)> = history.iter().map(|e| (e.name.as_str(), e.actor.as_str())).collect();
        assert!(done.contains(&("Staff.Hired", "staff:wang")) && done.contains(&("Staff.Dismissed", "staff:wang")));
        assert!(done.contains(&("Staff.PasswordChanged", "staff:li")), "{}: {done:?}", db.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shop_always_has_an_owner() {
    for db in Db::both().await {
        let house = Arc::new(House::open(&db).await);
        let people = house.t.shop.members(&house.owner).await.unwrap();
        let alone = house.t.shop.dismiss(&house.owner, people[0].id).await.unwrap_err();
        assert_eq!(alone.code(), Code::LastOwner, "{}", db.name);
        // Two owners send each other away at the same time.
        let other = house.hire("zhao", StaffRole::Owner).await;
        let go = |id| {
            let house = house.clone();
            tokio::spawn(async move { house.t.shop.dismiss(&house.owner, id).await.is_ok() })
        };
        let (one, two) = (go(people[0].id), go(other.id));
        let done = usize::from(one.await.unwrap()) + usize::from(two.await.unwrap());
        assert_eq!(done, 1, "{}", db.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_may_less_than_whoever_made_it_and_ends_when_it_is_revoked() {
    for db in Db::both().await {
        let house = House::open(&db).await;
        let shop = &house.t.shop;
        let grants = Grants::of(&[Permission::ReadOrders, Permission::WriteStock]);
        let issued = shop.issue_key(&house.owner, "erp", grants, 30).await.unwrap();
        assert!(issued.text.reveal().starts_with("zgk_") && issued.text.reveal().ends_with(&issued.key.tail));
        let erp = shop.recognise(issued.text.reveal()).await.unwrap();
        assert_eq!((erp.grants, erp.who.as_str()), (grants, format!("key:{}", issued.key.id).as_str()), "{}", db.name);
        for permission in [Permission::ApproveRefunds, Permission::WriteStaff, Permission::WriteKeys] {
            let refused = shop.issue_key(&house.owner, "bot", Grants::of(&[permission]), 30).await.unwrap_err();
            assert_eq!(refused.code(), Code::NotAllowed, "{}: {permission}", db.name);
        }
        let rotated = shop.rotate_key(&house.owner, issued.key.id).await.unwrap();
        assert_eq!(shop.recognise(issued.text.reveal()).await.unwrap_err().code(), Code::NotSignedIn);
        assert_eq!(shop.recognise(rotated.text.reveal()).await.unwrap().grants, grants);
        shop.revoke_key(&house.owner, rotated.key.id).await.unwrap();
        assert_eq!(shop.recognise(rotated.text.reveal()).await.unwrap_err().code(), Code::NotSignedIn, "{}", db.name);
        let twice = shop.revoke_key(&house.owner, rotated.key.id).await.unwrap_err();
        assert_eq!(twice.code(), Code::UnknownKey);
        let short = shop.issue_key(&house.owner, "a day", grants, 1).await.unwrap();
        house.t.clock.advance(DAY);
        assert_eq!(shop.recognise(short.text.reveal()).await.unwrap_err().code(), Code::NotSignedIn, "{}", db.name);
        assert_eq!(shop.keys(&house.owner).await.unwrap().len(), 3);

        // Whoever made a key leaves: it ends with them.
        let zhao = house.hire("zhao", StaffRole::Owner).await;
        let theirs = shop.issue_key(&house.caller("zhao").await, "bot", grants, 30).await.unwrap();
        shop.recognise(theirs.text.reveal()).await.unwrap();
        shop.dismiss(&house.owner, zhao.id).await.unwrap();
        assert_eq!(shop.recognise(theirs.text.reveal()).await.unwrap_err().code(), Code::NotSignedIn, "{}", db.name);

        // Another shop's people see and end nothing of this one's.
        let other = TestShop::on(shop.store().clone(), "other", 9).await;
        assert!(other.shop.keys(&other.staff()).await.unwrap().is_empty());
        let theirs = other.shop.revoke_key(&other.staff(), short.key.id).await.unwrap_err();
        assert_eq!(theirs.code(), Code::UnknownKey, "{}", db.name);
        assert!(other.shop.members(&other.staff()).await.unwrap().is_empty());
        let elsewhere = other.shop.sign_in(other.tenant, "wang", PASSWORD, None).await.unwrap_err();
        assert_eq!(elsewhere.code(), Code::WrongCredentials, "{}", db.name);
    }
}
