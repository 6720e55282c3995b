"""What a schema cannot know of docs/deploy/kubernetes: manifests.py FOLDER OUT

Names that are referred to are there, selectors find their pods, every pod keeps to Kubernetes' "restricted" standard and is given
longer to end than it takes. Prints one line for each finding; the status is 1 where there is any. OUT gets the pipeline file
(sluice.yaml) and `commands`: manifest, container and arguments, one container a line.
"""
import glob
import os
import re
import sys

import yaml

folder, out = sys.argv[1:]
found = []
documents = []
for path in sorted(glob.glob(folder + "/*.yaml")):
    with open(path, encoding="utf-8") as file:
        documents += [(os.path.basename(path), d) for d in yaml.safe_load_all(file)]


def name(kind):
    return {d["metadata"]["name"]: d for _, d in documents if d["kind"] == kind}


def seconds(text):
    number, unit = re.fullmatch(r"(\d+)(s|m|h)", text).groups()
    return int(number) * {"s": 1, "m": 60, "h": 3600}[unit]


def pods(document):
    """The pod templates in a document."""
    spec = document.get("spec", {})
    if document["kind"] == "CronJob":
        spec = spec["jobTemplate"]["spec"]
    return [spec["template"]] if "template" in spec else []


maps, accounts = name("ConfigMap"), name("ServiceAccount")
images, commands = set(), []
labels = [p["metadata"]["labels"] for _, d in documents for p in pods(d)]
for path, document in documents:
    where = f"{path}: {document['kind']}"

    def complain(what):
        found.append(f"{where}: {what}")

    selector = document.get("spec", {}).get("selector")
    if selector is not None:
        wanted = selector if document["kind"] == "Service" else selector["matchLabels"]
        hits = [l for l in labels if wanted.items() <= l.items()]
        if len(hits) != 1 or (pods(document) and pods(document)[0]["metadata"]["labels"] != hits[0]):
            complain(f"its selector finds {len(hits)} kinds of pods")
    for pod in pods(document):
        spec = pod["spec"]
        if spec.get("serviceAccountName") not in accounts:
            complain("no such ServiceAccount")
        if spec.get("automountServiceAccountToken") is not False:
            complain("it is given a token of the cluster")
        whole = spec.get("securityContext", {})
        if not whole.get("runAsNonRoot") or not whole.get("runAsUser"):
            complain("it may run as root")
        if whole.get("seccompProfile", {}).get("type") != "RuntimeDefault":
            complain("no seccomp profile")
        volumes = {v["name"]: v for v in spec["volumes"]}
        for volume in volumes.values():
            reference = volume.get("configMap", {"optional": True})
            if not reference.get("optional") and reference["name"] not in maps:
                complain(f"no ConfigMap {reference['name']}")
            if volume.get("secret", {"defaultMode": 0})["defaultMode"] & 0o337:
                complain("others may read its secrets")
        for container in spec.get("initContainers", []) + spec["containers"]:
            own, arguments = container.get("securityContext", {}), container["args"]
            images.add(container["image"])
            commands.append(f"{path} {container['name']} {' '.join(arguments)}")
            if own.get("allowPrivilegeEscalation") is not False or own.get("capabilities") != {"drop": ["ALL"]}:
                complain("it may gain rights")
            if not own.get("readOnlyRootFilesystem"):
                complain("its root can be written to")
            if not container.get("resources", {}).get("limits", {}).get("memory"):
                complain("its memory has no limit")
            for mount in container["volumeMounts"]:
                if mount["name"] not in volumes:
                    complain(f"no volume {mount['name']}")
            ports = {p["name"]: p["containerPort"] for p in container.get("ports", [])}
            for key in ("startupProbe", "livenessProbe", "readinessProbe"):
                if key in container and container[key]["httpGet"]["port"] not in ports:
                    complain(f"no port of the {key}")
            if "--listen" in arguments:
                listens = int(arguments[arguments.index("--listen") + 1].rpartition(":")[2])
                if listens not in ports.values():
                    complain(f"it listens on {listens}, which is no port of the container")
            if "--grace" in arguments:
                grace = seconds(arguments[arguments.index("--grace") + 1])
                if spec.get("terminationGracePeriodSeconds", 30) <= grace:
                    complain(f"--grace {grace} s is all the time that it has")
if len(images) != 1:
    found.append(f"images: {' '.join(sorted(images))}")
with open(out + "/sluice.yaml", "w", encoding="utf-8") as file:
    file.write(maps["sluice"]["data"]["sluice.yaml"] if "sluice" in maps else "")
with open(out + "/commands", "w", encoding="utf-8") as file:
    file.write("".join(line + "\n" for line in commands))
print("\n".join(found), end="\n" if found else "")
sys.exit(bool(found))
