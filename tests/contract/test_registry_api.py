"""The registry server answers Confluent's own client as Confluent's server does, and keeps nothing outside its topic."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.schema_registry.error import SchemaRegistryError
from confluent_kafka.schema_registry.schema_registry_client import ConfigCompatibilityLevel, ServerConfig
from confluent_kafka.serialization import MessageField, SerializationContext
from registry_server import get, serving

from schemas import events as e
from schemas.contract import released, subject
from schemas.errors import IncompatibleSchemaError, InvalidSchemaError, RegistryUnavailableError, UnknownSchemaError
from schemas.registry_http import HttpRegistry
from schemas.wire import Codec
from streams.log_memory import MemoryLog

pytestmark = pytest.mark.row("C4")

ONE_FIELD = {"type": "record", "name": "Payment", "namespace": "shop", "fields": [{"name": "amount", "type": "int"}]}
TWO_FIELDS = {**ONE_FIELD, "fields": [*ONE_FIELD["fields"], {"name": "note", "type": "string", "default": ""}]}
NO_DEFAULT = {**ONE_FIELD, "fields": [*ONE_FIELD["fields"], {"name": "note", "type": "string"}]}


@pytest.fixture
def log() -> MemoryLog:
    return MemoryLog({"_schemas": 1})


@pytest.fixture
def url(log: MemoryLog) -> Iterator[str]:
    with serving(log) as url:
        yield url


@pytest.fixture
def client(url: str) -> Iterator[SchemaRegistryClient]:
    with SchemaRegistryClient({"url": url}) as client:
        yield client


def avro(schema: object) -> Schema:
    return Schema(json.dumps(schema), "AVRO")


def code(refused: pytest.ExceptionInfo[SchemaRegistryError]) -> int:
    return refused.value.error_code


def test_equal_schemas_have_one_id_over_subjects_and_versions_count_up(client: SchemaRegistryClient) -> None:
    first = client.register_schema("a-value", avro(ONE_FIELD))
    assert client.register_schema("a-value", avro(ONE_FIELD)) == first
    assert client.register_schema("b-value", avro(ONE_FIELD)) == first
    second = client.register_schema("a-value", avro(TWO_FIELDS))
    assert second == first + 1
    assert client.get_versions("a-value") == [1, 2]
    assert client.get_subjects() == ["a-value", "b-value"]
    assert sorted(client.get_subjects_by_schema_id(first)) == ["a-value", "b-value"]
    assert [(v.subject, v.version) for v in client.get_schema_versions(second)] == [("a-value", 2)]
    latest = client.get_latest_version("a-value")
    assert (latest.version, latest.schema_id, json.loads(latest.schema.schema_str)) == (2, second, TWO_FIELDS)
    assert client.lookup_schema("a-value", avro(ONE_FIELD)).version == 1
    assert json.loads(client.get_schema(second).schema_str) == TWO_FIELDS


def test_breaking_schema_is_refused_with_the_field_that_breaks(client: SchemaRegistryClient) -> None:
    client.register_schema("a-value", avro(ONE_FIELD))
    with pytest.raises(SchemaRegistryError) as refused:
        client.register_schema("a-value", avro(NO_DEFAULT))
    assert code(refused) == 409
    assert "field Payment.note: it was not written and has no default" in refused.value.error_message
    assert not client.test_compatibility("a-value", avro(NO_DEFAULT))
    assert client.test_compatibility("a-value", avro(TWO_FIELDS))
    assert client.test_compatibility_all_versions("a-value", avro(TWO_FIELDS))


def test_subject_rule_takes_the_place_of_the_global_one_until_it_is_cleared(client: SchemaRegistryClient) -> None:
    client.register_schema("a-value", avro(NO_DEFAULT))
    assert client.get_compatibility() == "FULL_TRANSITIVE"
    with pytest.raises(SchemaRegistryError) as refused:
        client.get_compatibility("a-value")
    assert code(refused) == 40408
    client.set_compatibility("a-value", "BACKWARD")
    assert client.get_config("a-value").compatibility_level.value == "BACKWARD"
    assert client.register_schema("a-value", avro(ONE_FIELD)) == 2
    client.delete_config("a-value")
    assert not client.test_compatibility("a-value", avro(NO_DEFAULT), version=2)
    client.set_config(config=ServerConfig(compatibility=ConfigCompatibilityLevel.NONE))
    assert client.register_schema("a-value", avro("string")) == 3


def test_deleting_is_soft_first_and_hard_on_demand(url: str, client: SchemaRegistryClient) -> None:
    client.register_schema("a-value", avro(ONE_FIELD))
    client.register_schema("a-value", avro(TWO_FIELDS))
    with pytest.raises(SchemaRegistryError) as refused:
        client.delete_version("a-value", 1, permanent=True)
    assert code(refused) == 40407
    assert client.delete_version("a-value", 1) == 1
    assert client.get_versions("a-value") == [2]
    assert json.loads(client.get_schema(1).schema_str) == ONE_FIELD, "bytes that name a soft-deleted schema stay readable"
    assert client.delete_subject("a-value") == [2]
    assert client.get_subjects() == []
    assert client.get_subjects(deleted=True) == ["a-value"]
    with pytest.raises(SchemaRegistryError) as refused:
        client.delete_subject("a-value", permanent=False)
    assert code(refused) == 40404
    with SchemaRegistryClient({"url": url}) as another:  # without the first one's cache
        assert another.register_schema("a-value", avro(ONE_FIELD)) == 1
    assert client.get_versions("a-value") == [3], "a deleted version's number is not given out again"
    assert client.delete_subject("a-value") == [3]
    assert client.delete_subject("a-value", permanent=True) == [1, 2, 3]
    assert client.get_subjects(deleted=True) == []
    with pytest.raises(SchemaRegistryError) as refused:
        client.get_versions("a-value")
    assert code(refused) == 40401


def test_read_only_mode_refuses_changes_and_still_answers(client: SchemaRegistryClient) -> None:
    client.register_schema("a-value", avro(ONE_FIELD))
    client.update_global_mode("READONLY")
    with pytest.raises(SchemaRegistryError) as refused:
        client.register_schema("a-value", avro(TWO_FIELDS))
    assert code(refused) == 42205
    assert client.register_schema("a-value", avro(ONE_FIELD)) == 1
    client.update_mode("a-value", "READWRITE")
    assert client.get_mode("a-value") == "READWRITE"
    assert client.register_schema("a-value", avro(TWO_FIELDS)) == 2


@pytest.mark.parametrize(
    ("method", "path", "body", "expected"),
    [
        ("GET", "/subjects/none/versions", None, 40401),
        ("GET", "/subjects/a/versions/7", None, 40402),
        ("GET", "/subjects/a/versions/0", None, 42202),
        ("GET", "/subjects/a/versions/last", None, 42202),
        ("POST", "/subjects/a", {"schema": '"long"'}, 40403),
        ("POST", "/subjects/a/versions", {"schema": '{"type":"record"}'}, 42201),
        ("POST", "/subjects/a/versions", {"schema": "{"}, 42201),
        ("POST", "/subjects/a/versions", {"schemaType": "PROTOBUF", "schema": ""}, 42201),
        ("POST", "/subjects/a/versions", [], 422),
        ("GET", "/schemas/ids/99", None, 40403),
        ("GET", "/schemas/ids/x", None, 40403),
        ("PUT", "/config", {"compatibility": "SOME"}, 42203),
        ("DELETE", "/config/a", None, 40408),
        ("PUT", "/mode", {"mode": "IMPORT"}, 42204),
        ("GET", "/mode/a", None, 40409),
        ("DELETE", "/mode/a", None, 40409),
        ("DELETE", "/subjects/a?permanent=true", None, 40405),
        ("GET", "/nothing", None, 404),
    ],
)
def test_errors_carry_confluents_codes(url: str, method: str, path: str, body: object, expected: int) -> None:
    get(f"{url}/subjects/a/versions", "POST", {"schema": '"int"'})
    status, text, kind = get(url + path, method, body)
    assert (json.loads(text)["error_code"], status) == (expected, int(str(expected)[:3]))
    assert json.loads(text)["message"]
    assert kind == "application/vnd.schemaregistry.v1+json"


def test_body_that_is_not_json_is_refused(url: str) -> None:
    request = urllib.request.Request(f"{url}/config", data=b"{", method="PUT")
    with pytest.raises(urllib.error.HTTPError) as refused, urllib.request.urlopen(request):
        pass
    with refused.value as answer:
        assert json.loads(answer.read())["error_code"] == 422


def test_plain_answers_have_confluents_form(url: str) -> None:
    assert get(f"{url}/subjects/a%2Fb/versions", "POST", {"schema": json.dumps(ONE_FIELD)})[1] == '{"id": 1}'
    assert get(url) == (200, "{}", "application/vnd.schemaregistry.v1+json")
    assert get(f"{url}/schemas/types")[1] == '["AVRO"]'
    assert json.loads(get(f"{url}/schemas/ids/1/schema")[1]) == ONE_FIELD
    assert json.loads(get(f"{url}/subjects/a%2Fb/versions/latest/schema")[1]) == ONE_FIELD
    assert json.loads(get(f"{url}/subjects?subjectPrefix=a%2F")[1]) == ["a/b"]
    assert get(f"{url}/subjects?subjectPrefix=b")[1] == "[]"
    assert json.loads(get(f"{url}/config/a%2Fb?defaultToGlobal=true")[1]) == {"compatibilityLevel": "FULL_TRANSITIVE"}
    assert json.loads(get(f"{url}/mode/a%2Fb", "PUT", {"mode": "readonly"})[1]) == {"mode": "READONLY"}
    assert json.loads(get(f"{url}/mode/a%2Fb", "DELETE")[1]) == {"mode": "READONLY"}
    assert json.loads(get(f"{url}/mode")[1]) == {"mode": "READWRITE"}
    broken = json.loads(get(f"{url}/compatibility/subjects/a%2Fb/versions/1?verbose=true", "POST", {"schema": json.dumps(NO_DEFAULT)})[1])
    assert not broken["is_compatible"]
    assert "Payment.note" in broken["messages"][0]
    assert json.loads(get(f"{url}/compatibility/subjects/new/versions/latest", "POST", {"schema": '"int"'})[1]) == {"is_compatible": True}
    assert get(f"{url}/healthz")[0] == 200


def everything(url: str) -> list[str]:
    """All that can be asked of a registry that holds the subjects a and b."""
    paths = ["/config", "/config/a", "/mode", "/mode/b", "/subjects", "/subjects?deleted=true", "/schemas/ids/1/versions", "/schemas/ids/2"]
    return [get(url + path)[1] for path in [*paths, "/subjects/a/versions/latest", "/subjects/b/versions?deleted=true", "/schemas/ids/3"]]


def test_restarted_server_answers_the_same_from_the_topic_and_goes_on_counting(log: MemoryLog) -> None:
    with serving(log) as url:
        get(f"{url}/subjects/a/versions", "POST", {"schema": json.dumps(ONE_FIELD)})
        get(f"{url}/subjects/a/versions", "POST", {"schema": json.dumps(TWO_FIELDS)})
        get(f"{url}/subjects/b/versions", "POST", {"schema": '"string"'})
        get(f"{url}/subjects/b", "DELETE")
        get(f"{url}/config/a", "PUT", {"compatibility": "FORWARD"})
        get(f"{url}/mode/b", "PUT", {"mode": "READONLY"})
        log.append("_schemas", b'{"keytype":"NOOP","magic":0}', None, partition=0).result()
        log.append("_schemas", b"no record of a registry", b"{}", partition=0).result()
        before = everything(url)
    with serving(log) as url:
        assert everything(url) == before
        assert json.loads(get(f"{url}/subjects/c/versions", "POST", {"schema": '"bytes"'})[1]) == {"id": 4}


def test_our_client_registers_looks_up_and_tells_errors_apart(url: str) -> None:
    registry = HttpRegistry(url + "/")
    number = registry.register("a/b", ONE_FIELD)
    assert HttpRegistry(url).schema(number) == ONE_FIELD
    with pytest.raises(UnknownSchemaError, match="/schemas/ids/77"):
        registry.schema(77)
    with pytest.raises(IncompatibleSchemaError, match=r"Payment\.note"):
        registry.register("a/b", NO_DEFAULT)
    with pytest.raises(InvalidSchemaError, match="42201"):
        registry.register("a/b", {"type": "recrod"})


def test_registry_that_is_away_is_told_from_an_unknown_schema(url: str) -> None:
    port_of_nobody = "http://127.0.0.1:9"
    with pytest.raises(RegistryUnavailableError, match="Is it up"):
        HttpRegistry(port_of_nobody).schema(1)
    with pytest.raises(RegistryUnavailableError):
        HttpRegistry(f"{url}/readyz?").schema(1)


def serializing(topic: str) -> SerializationContext:
    return SerializationContext(topic, MessageField.VALUE)


def test_our_bytes_are_confluents_bytes(url: str, client: SchemaRegistryClient) -> None:
    topic, event = "channel.social.events.v1", e.Followed(event_id="1", occurred_at=5, producer="api", channel_id="7", user_id="8")
    codec = Codec(HttpRegistry(url))
    ours = codec.encode(topic, event)
    schema = json.dumps(released().current(event.SCHEMA))
    read = AvroDeserializer(client)(ours, serializing(topic))
    assert (read["event_id"], read["channel_id"], read["user_id"]) == ("1", "7", "8")
    by_record = {"auto.register.schemas": False, "subject.name.strategy": lambda context, name: f"{context.topic}-{name}"}
    theirs = AvroSerializer(client, schema, conf=by_record)(read, serializing(topic))
    assert theirs == ours
    assert codec.decode(theirs) == event
    assert client.get_subjects() == [subject(topic, e.Followed)]


def test_their_serializer_registers_by_itself(client: SchemaRegistryClient) -> None:
    value = AvroSerializer(client, json.dumps(ONE_FIELD))({"amount": 3}, serializing("payments"))
    assert AvroDeserializer(client)(value, serializing("payments")) == {"amount": 3}
    assert client.get_subjects() == ["payments-value"]
