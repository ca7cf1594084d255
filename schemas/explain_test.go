package schemas_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/connectorhost/connectorhost/schemas"
	"github.com/google/go-cmp/cmp"
)

// say writes violations one a line.
func say(found []schemas.Violation) string {
	var b strings.Builder
	for _, v := range found {
		fmt.Fprintf(&b, "%s: %s: %s\n", v.Pointer, v.Keyword, v.Message)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func TestViolationsSayWhatWouldBeRight(t *testing.T) {
	tests := map[string]struct{ schema, doc, want string }{
		"a missing field is named itself": {
			`{"properties": {"billing": {"properties": {"address": {"required": ["city", "line1"]}}}}}`,
			`{"billing": {"address": {"line1": ""}}}`,
			"/billing/address/city: required: is required"},
		"two fields at fault, in the order of their pointers": {
			`{"required": ["b"], "properties": {"a": {"minimum": 1}}}`, `{"a": 0}`,
			"/a: minimum: must be at least 1\n/b: required: is required"},
		"an unexpected field": {
			`{"properties": {"amount": true}, "additionalProperties": false}`, `{"x": 1}`,
			"/x: additionalProperties: is not a field that is known here"},
		"a misspelt field": {
			`{"properties": {"amount": true, "currency": true}, "additionalProperties": false}`, `{"ammount": 1}`,
			"/ammount: additionalProperties: is not a field that is known here; did you mean amount?"},
		"an unexpected field beside a pattern": {
			`{"patternProperties": {"^x-": true}, "additionalProperties": false}`, `{"x-a": 1, "y": 1}`,
			"/y: additionalProperties: is not a field that is known here"},
		"an unevaluated field": {
			`{"allOf": [{"properties": {"a": true}}], "unevaluatedProperties": false}`, `{"a": 1, "b": 2}`,
			"/b: unevaluatedProperties: is not a field that is known here"},
		"pointers are escaped": {
			`{"properties": {"a/b~c %d": {"type": "string"}}}`, `{"a/b~c %d": 1}`,
			"/a~1b~0c %d: type: must be a string"},
		"an item": {
			`{"items": {"type": "integer"}}`, `[1, "2", 3.5]`,
			"/1: type: must be an integer\n/2: type: must be an integer"},
		"several types":  {`{"type": ["string", "null"]}`, `1`, ": type: must be a string or null"},
		"the only value": {`{"enum": ["JPY"]}`, `"USD"`, ": enum: must be JPY"},
		"one of some values": {
			`{"enum": ["automatic", "manual", 3, "", null]}`, `"x"`, `: enum: must be one of automatic, manual, 3, "", null`},
		"one of many values": {
			`{"enum": [1,2,3,4,5,6,7,8,9,10,11,12,13,14]}`, `0`,
			": enum: must be one of 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 … (14 values)"},
		"a constant": {`{"const": {"a": [1]}}`, `2`, `: const: must be {"a":[1]}`},
		"the schema's own words": {
			`{"pattern": "^[A-Z]{3}$", "x-expected": "three capitals"}`, `"usd"`, ": pattern: must be three capitals"},
		"a pattern without words": {`{"pattern": "^a"}`, `"b"`, `: pattern: must be text that matches "^a"`},
		"too many items":          {`{"maxItems": 2}`, `[1, 2, 3]`, ": maxItems: must have at most 2 items, has 3"},
		"too few items":           {`{"minItems": 1}`, `[]`, ": minItems: must have at least 1 item, has 0"},
		"too long, in code points": {
			`{"maxLength": 2}`, `"花子👩"`, ": maxLength: must have at most 2 characters, has 3"},
		"too short":       {`{"minLength": 1}`, `""`, ": minLength: must have at least 1 character, has 0"},
		"too many fields": {`{"maxProperties": 1}`, `{"a": 1, "b": 2}`, ": maxProperties: must have at most 1 field, has 2"},
		"too few fields":  {`{"minProperties": 1}`, `{}`, ": minProperties: must have at least 1 field, has 0"},
		"bounds": {
			`{"properties": {"a": {"minimum": 1}, "b": {"maximum": 1}, "c": {"exclusiveMinimum": 1},
				"d": {"exclusiveMaximum": 1}, "e": {"multipleOf": 2}}}`,
			`{"a": 0, "b": 2, "c": 1, "d": 1, "e": 3}`,
			"/a: minimum: must be at least 1\n/b: maximum: must be at most 1\n/c: exclusiveMinimum: must be more than 1\n" +
				"/d: exclusiveMaximum: must be less than 1\n/e: multipleOf: must be a multiple of 2"},
		"equal items":  {`{"uniqueItems": true}`, `["JP", "JP"]`, ": uniqueItems: must have no two equal items"},
		"not":          {`{"not": {"const": 422}, "x-expected": "422"}`, `422`, ": not: must not be 422"},
		"not, unnamed": {`{"not": {"const": 422}}`, `422`, ": not: must not be what this schema excludes"},
		"a forbidden field": {
			`{"properties": {"buyer_id": false}}`, `{"buyer_id": 1}`, "/buyer_id: false: must be absent"},
		"nothing passes": {`false`, `1`, ": false: must be absent"},
		"contains": {
			`{"contains": {"const": "find_payment"}, "x-expected": "find_payment"}`, `["authorize"]`,
			": contains: must contain find_payment"},
		"contains several": {
			`{"contains": {"type": "string"}, "minContains": 2}`, `["a"]`,
			": minContains: must contain an item of the kind that the schema asks for"},
		"one field asks for another": {
			`{"dependentRequired": {"card": ["cvc"]}}`, `{"card": 1}`,
			"/cvc: dependentRequired: is required where card is given"},
		"a condition": {
			`{"if": {"required": ["found"]}, "then": {"required": ["payment"]}, "else": {"required": ["reason"]}}`,
			`{"found": true}`,
			"/payment: required: is required"},
		"the other side of a condition": {
			`{"if": {"required": ["found"]}, "then": {"required": ["payment"]}, "else": {"required": ["reason"]}}`, `{}`,
			"/reason: required: is required"},
		"a name": {
			`{"propertyNames": {"maxLength": 3}}`, `{"abcd": {"x": 1}}`,
			"/abcd: propertyNames: has a name that must have at most 3 characters, has 4"},
		"a field that is called propertyNames": {
			`{"properties": {"propertyNames": {"maxLength": 3}}}`, `{"propertyNames": "abcd"}`,
			"/propertyNames: maxLength: must have at most 3 characters, has 4"},
		"a field that is called anyOf": {
			`{"properties": {"anyOf": {"type": "string"}, "required": {"type": "string"}}}`, `{"anyOf": 1, "required": 1}`,
			"/anyOf: type: must be a string\n/required: type: must be a string"},
		"a definition": {
			`{"$defs": {"a b/c": {"minimum": 1}}, "properties": {"n": {"$ref": "#/$defs/a%20b~1c"}}}`, `{"n": 0}`,
			"/n: minimum: must be at least 1"},
		"a date": {`{"format": "date"}`, `"tomorrow"`, ": format: must be a date such as 2026-01-31"},
		"a uri":  {`{"format": "uri"}`, `"/x"`, ": format: must be an absolute URL such as https://shop.example/return"},
		"ipv4":   {`{"format": "ipv4"}`, `"x"`, ": format: must be a valid ipv4"},
		"the same cause twice is told once": {
			`{"allOf": [{"required": ["a"]}, {"required": ["a"]}]}`, `{}`, "/a: required: is required"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := say(compileRaw(t, tt.schema).Validate(decode(t, []byte(tt.doc))))
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

func TestFormsThatCouldHaveBeenMeant(t *testing.T) {
	const card = `{"properties": {"method": {"const": "card"}}, "required": ["number"]}`
	const wallet = `{"properties": {"method": {"enum": ["wallet"]}}, "required": ["token"]}`
	tests := map[string]struct{ schema, doc, want string }{
		"null is allowed, and something else is given": {
			`{"anyOf": [{"type": "string", "maxLength": 1}, {"type": "null"}]}`, `"ab"`,
			": maxLength: must have at most 1 character, has 2"},
		"none of the types": {
			`{"anyOf": [{"type": "string"}, {"type": "null"}]}`, `1`, ": type: must be a string or null"},
		"either of two fields": {
			`{"anyOf": [{"required": ["order"]}, {"properties": {"call": {"required": ["reference"]}}}]}`, `{"call": {}}`,
			"/order: required: is required, or /call/reference instead"},
		"a field tells which form was meant": {
			`{"oneOf": [` + card + `, ` + wallet + `]}`, `{"method": "wallet"}`, "/token: required: is required"},
		"no form can be told": {
			`{"oneOf": [` + card + `, ` + wallet + `]}`, `{"method": "cash"}`,
			": oneOf: must take one of the forms that are allowed"},
		"no form can be told, and the schema has words for it": {
			`{"anyOf": [{"minimum": 5}, {"multipleOf": 2}], "x-expected": "be even or large"}`, `3`,
			": anyOf: must be even or large"},
		"several forms fit where one may": {
			`{"oneOf": [{"type": "integer"}, {"type": "number"}]}`, `1`,
			": oneOf: must fit only one of the forms that are allowed, and fits several"},
		"an object where a list could be": {
			`{"anyOf": [{"type": "array"}, {"type": "object", "required": ["a"]}]}`, `{}`, "/a: required: is required"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := say(compileRaw(t, tt.schema).Validate(decode(t, []byte(tt.doc))))
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

func TestReasonsAreInTheWordsOfTheSDK(t *testing.T) {
	tests := map[string]struct{ schema, doc, want string }{
		"missing":   {`{"required": ["a"]}`, `{}`, "missing_field"},
		"asked for": {`{"dependentRequired": {"a": ["b"]}}`, `{"a": 1}`, "missing_field"},
		"too long":  {`{"maxLength": 1}`, `"ab"`, "field_too_long"},
		"currency": {`{"properties": {"currency": {"enum": ["JPY"]}}}`, `{"currency": "USD"}`,
			"unsupported_currency"},
		"country":          {`{"properties": {"country": {"enum": ["JP"]}}}`, `{"country": "US"}`, "invalid_field"},
		"amount":           {`{"properties": {"unit_amount": {"minimum": 0}}}`, `{"unit_amount": -1}`, "amount_out_of_range"},
		"minor units":      {`{"properties": {"minor": {"maximum": 5}}}`, `{"minor": 6}`, "amount_out_of_range"},
		"quantity":         {`{"properties": {"quantity": {"minimum": 1}}}`, `{"quantity": 0}`, "invalid_field"},
		"type":             {`{"type": "string"}`, `1`, "invalid_field"},
		"unexpected":       {`{"additionalProperties": false}`, `{"a": 1}`, "schema_violation"},
		"the schema's own": {`{"enum": ["JP"], "x-reason": "country_unsupported"}`, `"US"`, "country_unsupported"},
		"a decline is no reason to refuse a request": {
			`{"enum": ["JP"], "x-reason": "insufficient_funds"}`, `"US"`, "invalid_field"},
		"what can never be done comes first": {
			`{"required": ["a"], "properties": {"country": {"enum": ["JP"], "x-reason": "country_unsupported"}}}`,
			`{"country": "US"}`, "country_unsupported"},
		"a missing field comes before a long one": {
			`{"required": ["a"], "properties": {"b": {"maxLength": 1}}}`, `{"b": "xx"}`, "missing_field"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			found := compileRaw(t, tt.schema).Validate(decode(t, []byte(tt.doc)))
			if got := schemas.ReasonFor(found); got != tt.want {
				t.Errorf("ReasonFor(%v) = %q, want %q", found, got, tt.want)
			}
		})
	}
	if got := schemas.ReasonFor(nil); got != "" {
		t.Errorf("ReasonFor(nil) = %q", got)
	}
}
