//! What a client says a server understands, and the other way round.

use super::*;

/// A message as it is meant.
#[derive(Debug, Clone)]
struct Message {
    parts: Vec<Vec<u8>>,
    is_length_known: bool,
    fields: Vec<(String, String)>,
}

impl Message {
    fn body(&self) -> Vec<u8> {
        self.parts.concat()
    }

    fn length(&self) -> Option<u64> {
        self.is_length_known.then_some(self.body().len() as u64)
    }

    fn fields(&self) -> Vec<(&str, &str)> {
        self.fields.iter().map(|(name, value)| (&name[..], &value[..])).collect()
    }

    fn has_fields(&self, fields: &Fields) -> bool {
        let held: Vec<_> = fields.iter().filter(|(name, _)| name.starts_with(b"x-")).collect();
        held.into_iter()
            .eq(self.fields.iter().map(|(name, value)| (name.as_bytes(), value.trim().as_bytes())))
    }
}

fn message() -> impl Strategy<Value = Message> {
    let part = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..20),
        (500..2_000_usize).prop_map(|len| vec![7; len])
    ];
    let fields = proptest::collection::vec(("x-[a-z0-9!~]{0,5}", "[ -~]{0,20}"), 0..20);
    (proptest::collection::vec(part, 0..4), any::<bool>(), fields)
        .prop_map(|(parts, is_length_known, fields)| Message { parts, is_length_known, fields })
}

/// Moves up to so many bytes from one side to the other.
fn carry(output: &Payload, bytes: usize) -> Payload {
    output.slice(0, output.len().min(bytes))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn messages_arrive_as_they_were_meant(
        exchanges in proptest::collection::vec((message(), message(), any::<bool>()), 1..5),
        step in 1..3_000_usize,
    ) {
        let mut client = Client::new("h", Config::default());
        let mut server = Server::new(Config::default());
        for (asked, _, is_head) in &exchanges {
            let method = if *is_head { "HEAD" } else { "PUT" };
            client.begin(method, "/target?query", &asked.fields(), asked.length()).unwrap();
            asked.parts.iter().for_each(|part| client.body(&payload(part)).unwrap());
            client.finish(&[]).unwrap();
        }
        let (mut asked, mut answered) = (Vec::new(), Vec::new());
        let mut ends = 0;
        while ends < exchanges.len() {
            let carried = carry(&client.output(), step);
            client.sent(carried.len());
            server.feed(&carried).unwrap();
            while let Some(event) = server.poll() {
                match event {
                    ServerEvent::Request(request) => asked.push((request, Vec::new())),
                    ServerEvent::Body(part) => asked.last_mut().unwrap().1.extend_from_slice(&part),
                    ServerEvent::End(_) => {
                        let (_, answer, _) = &exchanges[asked.len() - 1];
                        server.begin(Status::OK, &answer.fields(), answer.length()).unwrap();
                        answer.parts.iter().for_each(|part| server.body(&payload(part)).unwrap());
                        server.finish(&[("x-trailer", "yes")]).unwrap();
                    }
                    ServerEvent::Refused(refusal) => panic!("{refusal}"),
                }
            }
            let carried = carry(&server.output(), step);
            server.sent(carried.len());
            client.feed(&carried).unwrap();
            while let Some(event) = client.poll() {
                match event {
                    ClientEvent::Response(response) => answered.push((response, Vec::new())),
                    ClientEvent::Body(part) => answered.last_mut().unwrap().1.extend_from_slice(&part),
                    ClientEvent::End(trailer) => {
                        let (_, answer, is_head) = &exchanges[ends];
                        let has_trailer = !answer.is_length_known && !is_head;
                        prop_assert_eq!(trailer.first("x-trailer"), has_trailer.then_some(&b"yes"[..]));
                        ends += 1;
                    }
                    other => panic!("{other:?}"),
                }
            }
        }
        for (at, (meant_request, meant_response, is_head)) in exchanges.iter().enumerate() {
            let ((request, request_body), (response, response_body)) = (&asked[at], &answered[at]);
            prop_assert_eq!(request.target(), "/target?query");
            prop_assert!(meant_request.has_fields(request.fields()) && meant_response.has_fields(response.fields()));
            prop_assert_eq!(request_body, &meant_request.body());
            prop_assert_eq!(response_body, &if *is_head { Vec::new() } else { meant_response.body() });
        }
    }
}
