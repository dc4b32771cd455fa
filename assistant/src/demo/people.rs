//! Invented customers: common names, real places, streets that are nowhere.

use super::Maker;
use crate::trouble::Trouble;
use commerce_core::catalog::id_of_code;
use commerce_core::customer::{Address, Customer, Destination, Level};
use commerce_core::time::DAY;
use rand::RngExt;

const SURNAMES: [&str; 24] = [
    "王", "李", "张", "刘", "陈", "杨", "赵", "黄", "周", "吴", "徐", "孙", "胡", "朱", "高", "林", "何", "郭", "马",
    "罗", "梁", "宋", "郑", "谢",
];
const GIVEN: [&str; 32] = [
    "小满", "雨桐", "子涵", "思源", "佳宁", "明远", "晓雯", "俊杰", "诗涵", "浩然", "梓萱", "志强", "秀英", "建国",
    "婷婷", "嘉怡", "文博", "若溪", "一鸣", "可欣", "天佑", "海燕", "春生", "丽娟", "国庆", "静怡", "宇航", "梦琪",
    "永康", "美玲", "书瑶", "安然",
];
const PLACES: [(&str, &str, &[&str]); 16] = [
    ("浙江省", "杭州市", &["西湖区", "余杭区", "滨江区"]),
    ("上海市", "上海市", &["浦东新区", "徐汇区", "杨浦区"]),
    ("江苏省", "南京市", &["鼓楼区", "玄武区", "江宁区"]),
    ("江苏省", "苏州市", &["姑苏区", "吴中区"]),
    ("北京市", "北京市", &["海淀区", "朝阳区", "通州区"]),
    ("广东省", "广州市", &["天河区", "越秀区"]),
    ("广东省", "深圳市", &["南山区", "福田区", "宝安区"]),
    ("四川省", "成都市", &["武侯区", "锦江区", "青羊区"]),
    ("湖北省", "武汉市", &["洪山区", "江岸区"]),
    ("湖南省", "长沙市", &["岳麓区", "雨花区"]),
    ("陕西省", "西安市", &["雁塔区", "碑林区"]),
    ("黑龙江省", "哈尔滨市", &["南岗区", "道里区"]),
    ("山东省", "青岛市", &["市南区", "崂山区"]),
    ("福建省", "厦门市", &["思明区", "湖里区"]),
    ("新疆维吾尔自治区", "乌鲁木齐市", &["天山区", "新市区"]),
    ("内蒙古自治区", "呼和浩特市", &["赛罕区", "新城区"]),
];
const STREETS: [&str; 14] = [
    "稻香路",
    "桂花街",
    "梧桐巷",
    "望江路",
    "青禾路",
    "茶园街",
    "晨光大道",
    "槐荫里",
    "云栖路",
    "知行街",
    "南溪路",
    "金穗路",
    "松涛巷",
    "长堤路",
];
const TAGS: [&str; 8] = ["爱喝茶", "宝妈", "囤货", "送礼", "健身", "老客户", "直播间来客", "偏好产地直发"];

pub(super) async fn invite(maker: &mut Maker, count: usize) -> Result<(), Trouble> {
    let tenant = maker.staff.tenant;
    let mut customers = Vec::with_capacity(count);
    let mut addresses = Vec::new();
    for number in 1..=count {
        let code = format!("C{number:04}");
        let id = id_of_code(tenant, &code);
        let name = format!("{}{}", maker.pick(&SURNAMES), maker.pick(&GIVEN));
        // 199 0000 …: no operator hands these out.
        let phone = format!("1990000{number:04}");
        let level = match maker.random.random_range(0..100) {
            0..60 => Level::Regular,
            60..85 => Level::Silver,
            85..96 => Level::Gold,
            _ => Level::Diamond,
        };
        let tags = (0..maker.random.random_range(0..3))
            .map(|_| maker.pick(&TAGS).to_owned())
            .collect::<std::collections::BTreeSet<_>>();
        let created_at = maker.now.plus_micros(-maker.random.random_range(70..500) * DAY);
        for i in 1..=maker.random.random_range(1..3) {
            let destination = maker.somewhere(&name, &phone);
            addresses.push(Address {
                id: id_of_code(tenant, &format!("{code}/{i}")),
                customer: id,
                destination,
                is_default: i == 1,
            });
        }
        let email =
            if maker.random.random_bool(0.3) { format!("{}@example.com", code.to_lowercase()) } else { String::new() };
        customers.push(Customer { id, code, name, phone, email, level, tags: tags.into_iter().collect(), created_at });
    }
    maker.shop.save_customers(&maker.staff, &customers).await?;
    for address in &addresses {
        maker.shop.save_address(&maker.staff, address).await?;
    }
    Ok(())
}

impl Maker {
    pub(super) fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.random.random_range(0..from.len())]
    }

    fn somewhere(&mut self, recipient: &str, phone: &str) -> Destination {
        let (province, city, districts) = PLACES[self.random.random_range(0..PLACES.len())];
        let street = format!(
            "{} {} 号 {} 单元 {} 室",
            self.pick(&STREETS),
            self.random.random_range(1..300),
            self.random.random_range(1..6),
            self.random.random_range(101..1800)
        );
        Destination {
            recipient: recipient.to_owned(),
            phone: phone.to_owned(),
            province: province.to_owned(),
            city: city.to_owned(),
            district: self.pick(districts).to_owned(),
            street,
        }
    }
}
