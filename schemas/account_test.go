package schemas_test

import (
	"encoding/json"
	"testing"

	"github.com/connectorhost/connectorhost/schemas"
	"github.com/google/go-cmp/cmp"
)

const config = `{
	"type": "object", "required": ["secret_key", "shop"], "additionalProperties": false,
	"properties": {
		"shop": {"type": "string", "title": "Shop", "pattern": "^[a-z]+$", "x-expected": "lower-case letters"},
		"secret_key": {"type": "string", "description": "From the dashboard.", "writeOnly": true, "minLength": 1,
			"maxLength": 8},
		"a_hint": {"type": "string"}
	}
}`

func compileAccount(t *testing.T, text string) *schemas.AccountSchema {
	t.Helper()
	a, err := schemas.CompileAccount(json.RawMessage(text))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestFieldsComeInTheOrderOfTheSchema(t *testing.T) {
	want := []schemas.Field{
		{Name: "shop", Title: "Shop", Required: true},
		{Name: "secret_key", Title: "secret_key", Description: "From the dashboard.", Required: true, Secret: true},
		{Name: "a_hint", Title: "a_hint"},
	}
	a := compileAccount(t, config)
	if d := cmp.Diff(want, a.Fields()); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	for name, want := range map[string]bool{"shop": false, "secret_key": true, "never_heard_of": true} {
		if got := a.Secret(name); got != want {
			t.Errorf("Secret(%q) = %v", name, got)
		}
	}
}

func TestValidateFields(t *testing.T) {
	tests := map[string]struct {
		schema string
		fields map[string]string
		want   string
	}{
		"all right":   {config, map[string]string{"shop": "tea", "secret_key": "s3cret"}, ""},
		"one missing": {config, map[string]string{"shop": "tea"}, "/secret_key: required: is required"},
		"a secret too long": {config, map[string]string{"shop": "tea", "secret_key": "much too long"},
			"/secret_key: maxLength: must have at most 8 characters, has 13"},
		"not as it should be": {config, map[string]string{"shop": "Tea", "secret_key": "s"},
			"/shop: pattern: must be lower-case letters"},
		"undeclared": {config, map[string]string{"shop": "tea", "secret_key": "s", "sercet": "x"},
			"/sercet: additionalProperties: is not a field that is known here"},
		"undeclared, and the schema does not mind": {`{"type": "object", "properties": {}}`, map[string]string{"a/b": "x"},
			"/a~1b: additionalProperties: is not a field that is known here"},
		"no fields wanted, none given": {``, nil, ""},
		"no fields wanted, one given": {`null`, map[string]string{"key": "x"},
			"/key: additionalProperties: is not a field that is known here"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := say(compileAccount(t, tt.schema).ValidateFields(tt.fields)); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestValidateAccount(t *testing.T) {
	tests := map[string]struct {
		schema          string
		config, secrets map[string]string
		want            string
	}{
		"all right": {config, map[string]string{"shop": "tea"}, map[string]string{"secret_key": "s"}, ""},
		"the secret missing": {config, map[string]string{"shop": "tea"}, nil,
			"/call/account/secrets/secret_key: required: is required"},
		"the shop missing": {config, nil, map[string]string{"secret_key": "s"},
			"/call/account/config/shop: required: is required"},
		"an empty secret": {config, map[string]string{"shop": "tea"}, map[string]string{"secret_key": ""},
			"/call/account/secrets/secret_key: minLength: must have at least 1 character, has 0"},
		"a secret in the configuration": {config, map[string]string{"shop": "tea", "secret_key": "s"}, nil,
			"/call/account/config/secret_key: writeOnly: must be among the secrets"},
		"a leftover": {`{"type": "object", "properties": {}}`, map[string]string{"old": "x"},
			map[string]string{"older": "y"}, ""},
		"a leftover that the schema minds": {config, map[string]string{"shop": "tea", "old": "x"},
			map[string]string{"secret_key": "s"},
			"/call/account/config/old: additionalProperties: is not a field that is known here"},
		"no schema": {``, map[string]string{"old": "x"}, map[string]string{"older": "y"}, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := say(compileAccount(t, tt.schema).ValidateAccount(tt.config, tt.secrets)); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestConfigSchemasThatAreRefused(t *testing.T) {
	for name, text := range map[string]string{
		"no schema":            `[]`,
		"properties is a list": `{"properties": []}`,
		"a field is a number":  `{"properties": {"a": 1}}`,
		"refers elsewhere":     `{"properties": {"a": {"$ref": "https://evil.example/a"}}}`,
		"title is a number":    `{"properties": {"a": {"title": 1}}}`,
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := schemas.CompileAccount(json.RawMessage(text)); err == nil {
				t.Error("accepted")
			}
		})
	}
}

func TestBlames(t *testing.T) {
	found := []schemas.Violation{{Pointer: "/cart_items/3/name"}, {Pointer: "/amount"}}
	for pointer, want := range map[string]bool{
		"/cart_items": true, "/cart_items/3": true, "/amount/minor": true, "/amount": true,
		"/cart": false, "/amounts": false, "/cart_items/4": false, "/country": false,
	} {
		if got := schemas.Blames(found, pointer); got != want {
			t.Errorf("Blames(%q) = %v", pointer, got)
		}
	}
	if !schemas.Blames([]schemas.Violation{{Pointer: ""}}, "/country") {
		t.Error("a fault of the whole document is not one of its fields")
	}
	if schemas.Blames(nil, "/country") {
		t.Error("nothing is blamed for nothing")
	}
}
