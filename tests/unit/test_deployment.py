"""The compose file and the Kubernetes manifests: valid by their schemas, and true to what the processes are."""

import json
import re
from collections.abc import Iterator
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from infra import system
from infra.apps.service import END_S
from infra.settings import CHECKOUT, PREFIX, Ports, Settings

FOLDER = CHECKOUT / "infra" / "deploy"
COMPOSE = yaml.safe_load((FOLDER / "compose.yaml").read_text())
COMPOSES = jsonschema.Draft7Validator(json.loads((CHECKOUT / "tests" / "golden" / "compose-spec.json").read_text()))
"""The compose specification's own, as compose-go v2.4.9 carries it (Apache-2.0)."""
OLDEST, NEWEST = "1.31", kubernetes_validate.latest_version()
"""Of Kubernetes; what is valid for both uses nothing that went or came between."""
MANIFESTS = [
    manifest
    for file in sorted((FOLDER / "kubernetes").glob("*.yaml"))
    if file.name != "kustomization.yaml"
    for manifest in yaml.safe_load_all(file.read_text())
]
WORKLOADS = {each["metadata"]["name"]: each for each in MANIFESTS if each["kind"] in {"Deployment", "StatefulSet"}}
ELSEWHERE = {"kubernetes": {"kafka", "postgres"}, "compose": set[str]()}
"""What the files do not start: Kubernetes has an operator's or a managed one."""
PROBES = {service.name: service.ports[0] for stage in system.stages(Settings(), demo=False) for service in stage}
"""Port of each process' probes: the first that it is said to listen on."""
OURS = PROBES.keys() - {"kafka", "postgres", "redis"}


def of(kind: str) -> Iterator[dict[str, Any]]:
    return (each for each in MANIFESTS if each["kind"] == kind)


def container(name: str) -> dict[str, Any]:
    (found,) = WORKLOADS[name]["spec"]["template"]["spec"]["containers"]
    return found


@pytest.mark.row("U9")
def test_the_compose_file_is_valid_and_a_misspelt_key_is_not() -> None:
    COMPOSES.validate(COMPOSE)
    wrong = {**COMPOSE, "services": {"edge": {**COMPOSE["services"]["edge"], "depend_on": []}}}
    with pytest.raises(jsonschema.ValidationError, match="depend_on"):
        COMPOSES.validate(wrong)


@pytest.mark.row("U9")
@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_the_manifests_are_valid_and_a_misspelt_key_is_not(version: str) -> None:
    for manifest in MANIFESTS:
        kubernetes_validate.validate(manifest, version, strict=True)
    wrong = {**WORKLOADS["edge"], "spec": {**WORKLOADS["edge"]["spec"], "replica": 1}}
    with pytest.raises(kubernetes_validate.ValidationError, match="replica"):
        kubernetes_validate.validate(wrong, version, strict=True)


@pytest.mark.row("U9")
def test_every_file_is_in_the_kustomization_and_the_template_of_secrets_is_not() -> None:
    listed = yaml.safe_load((FOLDER / "kubernetes" / "kustomization.yaml").read_text())["resources"]
    there = {file.name for file in (FOLDER / "kubernetes").glob("*.yaml")}
    assert sorted(listed) == sorted(there - {"kustomization.yaml", "secret.example.yaml"})


@pytest.mark.row("U9")
def test_every_process_is_deployed_and_none_that_there_is_not() -> None:
    assert {name for name in WORKLOADS if not name.startswith("flink-")} == PROBES.keys() - ELSEWHERE["kubernetes"]
    assert {name for name in COMPOSE["services"] if not name.startswith("flink-")} == PROBES.keys()
    for name in OURS:
        assert container(name)["args"] == [name]
        assert COMPOSE["services"][name]["command"] == [name]


@pytest.mark.row("U9")
def test_every_variable_is_a_setting_and_says_what_it_takes() -> None:
    (shared,) = (each["data"] for each in of("ConfigMap"))
    (secret,) = (each["stringData"] for each in of("Secret"))
    for name in OURS:
        own = {each["name"]: each for each in container(name)["env"]}
        values = {key: each.get("value", "x") for key, each in own.items()}
        references = [each["valueFrom"]["secretKeyRef"] for each in own.values() if "secretKeyRef" in each.get("valueFrom", {})]
        assert {each["key"] for each in references} <= secret.keys()
        settings = Settings.read({**shared, **values})
        assert settings.kafka
        assert settings.registry
    for service in COMPOSE["services"].values():
        environment = service.get("environment", {})
        Settings.read({name: re.sub(r"\$\{.*?\}", "x", value) for name, value in environment.items() if name.startswith(PREFIX)})
    assert {name for name in secret if name.startswith(PREFIX)} <= {PREFIX + field.upper() for field in Settings.__struct_fields__}


@pytest.mark.row("U9")
def test_probes_ask_where_the_process_answers() -> None:
    for name in OURS:
        here = container(name)
        ports = {port["name"]: port["containerPort"] for port in here["ports"]}
        for probe in ("startupProbe", "readinessProbe"):
            assert here[probe]["httpGet"]["path"] == "/readyz"
            assert ports[here[probe]["httpGet"]["port"]] == PROBES[name]
        alive = here["livenessProbe"]
        if name == "edge":
            assert ports[alive["tcpSocket"]["port"]] == PROBES[name], "an edge whose origin is away is not to be started anew"
        else:
            assert alive["httpGet"]["path"] == "/healthz"
            assert ports[alive["httpGet"]["port"]] == PROBES[name]
        assert COMPOSE["services"][name]["healthcheck"]["test"][-1] == f"http://127.0.0.1:{PROBES[name]}/readyz"


@pytest.mark.row("U9")
def test_a_service_leads_to_a_port_of_pods_that_there_are() -> None:
    known = set(Ports()) | {8081, 6122, 6123, 6124, 6379}
    for service in of("Service"):
        (target,) = service["spec"]["selector"].values()
        ports = {port["name"]: port["containerPort"] for port in container(target)["ports"]}
        for port in service["spec"]["ports"]:
            assert ports[port["targetPort"]] in known
    behind = {each["metadata"]["name"]: {port["name"]: port["port"] for port in each["spec"]["ports"]} for each in of("Service")}
    (shared,) = (each["data"] for each in of("ConfigMap"))
    settings = Settings.read(shared)
    for place, port in (("origin", "http"), ("sessions", "sessions"), ("api", "http"), ("gateway", "gateway")):
        host, _, number = settings.place(place).partition(":")
        assert behind[host][port] == int(number)


@pytest.mark.row("U9")
def test_selectors_meet_labels_and_an_end_has_the_time_that_it_takes() -> None:
    for workload in WORKLOADS.values():
        spec = workload["spec"]
        assert spec["selector"]["matchLabels"] == spec["template"]["metadata"]["labels"]
        if workload["metadata"]["name"] in OURS:
            assert spec["template"]["spec"]["terminationGracePeriodSeconds"] > END_S
            assert float(COMPOSE["services"][workload["metadata"]["name"]]["stop_grace_period"].removesuffix("s")) > END_S
        assert container(workload["metadata"]["name"])["resources"].keys() == {"requests", "limits"}
        mounts = {each["name"] for each in container(workload["metadata"]["name"]).get("volumeMounts", [])}
        volumes = {each["name"] for each in spec["template"]["spec"].get("volumes", [])}
        assert mounts == volumes | {each["metadata"]["name"] for each in spec.get("volumeClaimTemplates", [])}
    for budget in of("PodDisruptionBudget"):
        assert WORKLOADS[budget["spec"]["selector"]["matchLabels"]["app"]]["spec"]["replicas"] > 1
    for scaler in of("HorizontalPodAutoscaler"):
        target = WORKLOADS[scaler["spec"]["scaleTargetRef"]["name"]]
        assert (target["kind"], target["spec"]["replicas"]) == (scaler["spec"]["scaleTargetRef"]["kind"], scaler["spec"]["minReplicas"])
