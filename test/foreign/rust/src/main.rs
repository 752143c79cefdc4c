//! fe2o3-amqp put through its paces: `cargo run -- <port>`. Prints `ok <name>` for every check; the first failure
//! ends it with an error.

use std::time::Duration;

use fe2o3_amqp::connection::Connection;
use fe2o3_amqp::session::Session;
use fe2o3_amqp::link::receiver::CreditMode;
use fe2o3_amqp::types::definitions::ReceiverSettleMode;
use fe2o3_amqp::types::messaging::{
    ApplicationProperties, Body, Data, Message, Modified, Outcome, Properties, Source,
};
use fe2o3_amqp::types::primitives::{Binary, SimpleValue, Timestamp, Uuid, Value};
use fe2o3_amqp::{Receiver, Sender};

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let port = std::env::args().nth(1).expect("a port");
    let url = format!("amqp://guest:guest@127.0.0.1:{port}");
    tokio::time::timeout(Duration::from_secs(60), run(&url)).await?
}

async fn run(url: &str) -> Result<(), Failure> {
    let mut connection = Connection::open("rust", url).await?;
    let mut session = Session::begin(&mut connection).await?;

    // Every type of property.
    let mut receiver = Receiver::attach(&mut session, "receiver", "rust.types").await?;
    let mut sender = Sender::attach(&mut session, "sender", "rust.types").await?;
    let properties = ApplicationProperties::builder()
        .insert("bool", true)
        .insert("ubyte", 200u8)
        .insert("ushort", 60_000u16)
        .insert("uint", 4_000_000_000u32)
        .insert("ulong", u64::MAX)
        .insert("byte", -100i8)
        .insert("short", -30_000i16)
        .insert("int", i32::MIN)
        .insert("long", i64::MIN)
        .insert("float", 1.5f32)
        .insert("double", 1.1f64)
        .insert("char", '\u{1F600}')
        .insert("string", "héllo")
        .insert(
            "timestamp",
            SimpleValue::Timestamp(Timestamp::from_milliseconds(1_700_000_000_123)),
        )
        .insert("uuid", SimpleValue::Uuid(Uuid::from([7u8; 16])))
        .insert("binary", SimpleValue::Binary(Binary::from(vec![0u8, 255])))
        .build();
    let message = Message::builder()
        .properties(
            Properties::builder()
                .message_id(u64::MAX)
                .group_id("g".to_string())
                .group_sequence(3u32)
                .build(),
        )
        .application_properties(properties.clone())
        .data(Binary::from(vec![0u8, 1, 255]))
        .build();
    let sent = sender.send_batchable(message.clone()).await?;
    let delivery = receiver.recv::<Body<Value>>().await?;
    assert_eq!(delivery.message().application_properties, Some(properties));
    assert_eq!(delivery.message().properties, message.properties);
    match delivery.body() {
        Body::Data(batch) => assert_eq!(
            batch.clone().into_inner(),
            vec![Data(Binary::from(vec![0u8, 1, 255]))]
        ),
        other => panic!("a data body came as {other:?}"),
    }
    receiver.accept(&delivery).await?;
    assert!(matches!(sent.await?, Outcome::Accepted(_)));
    println!("ok every type");

    // Released, modified, then rejected.
    let sent = sender.send_batchable("again").await?;
    let delivery = receiver.recv::<String>().await?;
    receiver.release(&delivery).await?;
    let delivery = receiver.recv::<String>().await?;
    let modified = Modified {
        delivery_failed: Some(true),
        undeliverable_here: None,
        message_annotations: None,
    };
    receiver.modify(&delivery, modified).await?;
    let delivery = receiver.recv::<String>().await?;
    assert_eq!(
        delivery
            .message()
            .header
            .as_ref()
            .map(|header| header.delivery_count),
        Some(1)
    );
    receiver.reject(&delivery, None).await?;
    assert!(matches!(sent.await?, Outcome::Rejected(_)));
    println!("ok release, modify, reject");

    // Messages of 1 MiB, one at a time, in many frames, settling first and second.
    for (name, mode) in [
        ("first", ReceiverSettleMode::First),
        ("second", ReceiverSettleMode::Second),
    ] {
        let mut large = Receiver::builder()
            .name(name)
            .source("rust.large")
            .receiver_settle_mode(mode)
            .credit_mode(CreditMode::Manual)
            .attach(&mut session)
            .await?;
        let mut sending = Sender::attach(&mut session, format!("to {name}"), "rust.large").await?;
        for byte in 0..3u8 {
            let bytes = vec![byte; 1 << 20];
            let message = Message::builder()
                .data(Binary::from(bytes.clone()))
                .build();
            let sent = sending.send_batchable(message).await?;
            large.set_credit(1).await?;
            let delivery = large.recv::<Data>().await?;
            assert!(delivery.body().0 == bytes, "another body of 1 MiB came");
            large.accept(&delivery).await?;
            assert!(matches!(sent.await?, Outcome::Accepted(_)));
        }
        sending.close().await?;
        large.close().await?;
    }
    println!("ok large messages, credit one by one, settling first and second");

    // Request and reply by a dynamic source.
    let mut requests = Receiver::attach(&mut session, "requests", "rust.requests").await?;
    let mut asking = Sender::attach(&mut session, "asking", "rust.requests").await?;
    let mut replies = Receiver::builder()
        .name("replies")
        .source(Source::builder().dynamic(true).build())
        .attach(&mut session)
        .await?;
    let own = replies
        .source()
        .as_ref()
        .and_then(|source| source.address.clone())
        .expect("the address of the dynamic source");
    let request = Message::builder()
        .properties(
            Properties::builder()
                .message_id("request".to_string())
                .reply_to(own)
                .build(),
        )
        .value("question".to_string())
        .build();
    let sent = asking.send_batchable(request).await?;
    let delivery = requests.recv::<String>().await?;
    let to = delivery
        .message()
        .properties
        .as_ref()
        .and_then(|properties| properties.reply_to.clone())
        .expect("a reply address");
    let mut answering = Sender::attach(&mut session, "answering", to.as_str()).await?;
    let replied = answering.send(format!("re: {}", delivery.body())).await?;
    assert!(matches!(replied, Outcome::Accepted(_)));
    requests.accept(&delivery).await?;
    assert!(matches!(sent.await?, Outcome::Accepted(_)));
    let reply = replies.recv::<String>().await?;
    assert_eq!(reply.body(), "re: question");
    replies.accept(&reply).await?;
    for sender in [asking, answering] {
        sender.close().await?;
    }
    for receiver in [requests, replies] {
        receiver.close().await?;
    }
    println!("ok request and reply");

    for (address, expected) in [
        ("accepted", "Accepted"),
        ("rejected", "Rejected"),
        ("released", "Released"),
    ] {
        let mut routed = Sender::attach(&mut session, address, format!("routed.{address}")).await?;
        let outcome = format!("{:?}", routed.send("x").await?);
        assert!(outcome.starts_with(expected), "{address}: {outcome}");
        routed.close().await?;
    }
    println!("ok outcomes");

    let refused = Receiver::attach(&mut session, "refused", "routed.accepted").await;
    let reason = format!("{:?}", refused.err().expect("a route's queue was opened"));
    assert!(
        reason.contains("resource-locked") || reason.contains("ResourceLocked"),
        "{reason}"
    );
    println!("ok refusals");

    receiver.close().await?;
    sender.close().await?;
    session.end().await?;
    connection.close().await?;
    println!("ok closed in order");
    Ok(())
}
