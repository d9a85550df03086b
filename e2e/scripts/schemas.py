"""Writes the OpenAPI document of Kubernetes, and CRD files, as JSON schemas that kubeconform reads without a network.

usage: schemas.py SWAGGER.json OUT-FOLDER [CRD.yaml ...]
then:  kubeconform -strict -schema-location 'OUT-FOLDER/{{.ResourceKind}}{{.KindSuffix}}.json' ...
"""

import json
import os
import sys

import yaml

Schema = dict


class Resolver:
    """Inlines references, closes objects against unknown fields, and lets every optional field be null."""

    def __init__(self, definitions: dict[str, Schema]):
        self.definitions = definitions

    def resolve(self, node, inside: tuple[str, ...] = ()):
        if isinstance(node, list):
            return [self.resolve(item, inside) for item in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            name = node["$ref"].rsplit("/", 1)[1]
            # a type that contains itself (JSONSchemaProps) is open where it begins again
            return {} if name in inside else self.resolve(self.definitions[name], (*inside, name))
        if node.get("format") == "int-or-string" or node.get("x-kubernetes-int-or-string"):
            return {"anyOf": [{"type": "string"}, {"type": "integer"}, {"type": "null"}]}
        return self.close(node, inside)

    def close(self, node: Schema, inside: tuple[str, ...]) -> Schema:
        result = {}
        for key, value in node.items():
            if key == "properties":
                result[key] = {field: self.resolve(schema, inside) for field, schema in value.items()}
            elif key != "description" and not key.startswith("x-kubernetes"):
                result[key] = self.resolve(value, inside)
        is_open = "additionalProperties" in result or node.get("x-kubernetes-preserve-unknown-fields")
        if "properties" in result and not is_open:
            result["additionalProperties"] = False
        if isinstance(result.get("type"), str):
            result["type"] = [result["type"], "null"]
        return result


def write(folder: str, group: str, version: str, kind: str, schema: Schema) -> None:
    schema["type"] = "object"
    properties = schema.setdefault("properties", {})
    properties["kind"] = {"const": kind}
    properties["apiVersion"] = {"const": f"{group}/{version}" if group else version}
    parts = [kind, group.split(".")[0], version] if group else [kind, version]
    with open(os.path.join(folder, "-".join(parts).lower() + ".json"), "w", encoding="utf-8") as file:
        json.dump(schema, file)


def main(swagger: str, folder: str, crds: list[str]) -> None:
    with open(swagger, encoding="utf-8") as file:
        definitions = json.load(file)["definitions"]
    resolver = Resolver(definitions)
    os.makedirs(folder, exist_ok=True)
    count = 0
    for name, definition in definitions.items():
        kinds = definition.get("x-kubernetes-group-version-kind", [])
        # several kinds in one definition are the options of calls, not manifests
        if len(kinds) == 1 and name.endswith("." + kinds[0]["kind"]):
            kind = kinds[0]
            write(folder, kind["group"], kind["version"], kind["kind"], resolver.resolve(definition, (name,)))
            count += 1
    for path in crds:
        with open(path, encoding="utf-8") as file:
            documents = [document for document in yaml.safe_load_all(file) if document]
        for document in documents:
            spec = document["spec"]
            for version in spec["versions"]:
                schema = resolver.resolve(version["schema"]["openAPIV3Schema"])
                schema["properties"]["metadata"] = {"type": "object"}
                write(folder, spec["group"], version["name"], spec["names"]["kind"], schema)
                count += 1
    print(f"{count} schemas in {folder}")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
