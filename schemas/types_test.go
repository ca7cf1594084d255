package schemas_test

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/connectorhost/connectorhost/schemas"
	"github.com/connectorhost/connectorhost/sdk"
	"github.com/google/go-cmp/cmp"
)

// goTypes says which Go type's JSON form each schema of the contract describes.
var goTypes = map[string]any{
	"check_credentials.request": sdk.CheckCredentialsRequest{}, "check_credentials.response": sdk.CredentialCheck{},
	"authorize.request": sdk.AuthorizeRequest{}, "authorize.response": sdk.AuthorizeResult{},
	"find_payment.request": sdk.FindPaymentRequest{}, "find_payment.response": sdk.PaymentFinding{},
	"capture.request": sdk.CaptureRequest{}, "capture.response": sdk.CaptureResult{},
	"void.request": sdk.VoidRequest{}, "void.response": sdk.VoidResult{},
	"cancel.request": sdk.CancelRequest{}, "cancel.response": sdk.CancelResult{},
	"refund.request": sdk.RefundRequest{}, "refund.response": sdk.RefundResult{},
	"find_refund.request": sdk.FindRefundRequest{}, "find_refund.response": sdk.RefundFinding{},
	"read_webhook.request": sdk.WebhookRequest{}, "read_webhook.response": sdk.WebhookReading{},
	"register_webhook.request": sdk.RegisterWebhookRequest{}, "register_webhook.response": sdk.WebhookRegistration{},
	"tokenize.request": sdk.TokenizeRequest{}, "tokenize.response": sdk.TokenizeResult{},
	"delete_token.request": sdk.DeleteTokenRequest{}, "delete_token.response": sdk.DeleteTokenResult{},
	"zero_authorize.request": sdk.ZeroAuthorizeRequest{}, "zero_authorize.response": sdk.ZeroAuthorizeResult{},
	"increment.request": sdk.IncrementRequest{}, "increment.response": sdk.IncrementResult{},
	"description": sdk.Description{}, "manifest": sdk.Manifest{}, "health": sdk.Health{},
	"network": sdk.Network{}, "field-error": sdk.FieldError{},
}

func TestSchemasHaveTheFieldsOfTheGoTypes(t *testing.T) {
	for name, value := range goTypes {
		t.Run(name, func(t *testing.T) {
			compareFields(t, name, reflect.TypeOf(value), load(t, name))
		})
	}
}

func TestEveryOperationHasItsSchemas(t *testing.T) {
	for _, op := range sdk.AllOperations() {
		for _, kind := range []string{".request", ".response"} {
			if _, ok := goTypes[string(op)+kind]; !ok {
				t.Errorf("%s%s is tied to no Go type", op, kind)
			}
			if _, err := schemas.Raw(string(op) + kind); err != nil {
				t.Error(err)
			}
		}
	}
}

// What Go always writes must be there: a request without it was made by somebody
// who forgot it.
func TestRequestsRequireWhatGoAlwaysWrites(t *testing.T) {
	for name, value := range goTypes {
		if !strings.HasSuffix(name, ".request") {
			continue
		}
		t.Run(name, func(t *testing.T) {
			got := compile(t, name).RequiredPointers()
			for field, f := range jsonFields(reflect.TypeOf(value)) {
				if f.always && !slices.Contains(got, "/"+field) {
					t.Errorf("/%s is not required", field)
				}
			}
		})
	}
}

func TestCodesAreTheOnesOfTheSDK(t *testing.T) {
	var schema struct{ Enum []sdk.Code }
	text, err := schemas.Raw("code")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	want := slices.Sorted(maps.Keys(sdk.Codes()))
	slices.Sort(schema.Enum)
	if d := cmp.Diff(want, schema.Enum); d != "" {
		t.Errorf("codes (-sdk +schema):\n%s", d)
	}
}

func TestAConnectorThatDescribesNothingButItsNameIsReadable(t *testing.T) {
	d := sdk.Description{Manifest: sdk.Manifest{
		Name: "hello", Version: "1.0.0", DisplayName: "Hello", Contract: sdk.ContractRange{Min: 1, Max: 1},
	}, Operations: sdk.Operations{sdk.OpCheckCredentials}}
	if found := compile(t, "description").ValidateValue(d); found != nil {
		t.Errorf("refused: %v", found)
	}
}

type jsonField struct {
	typ    reflect.Type
	always bool // written also when zero
}

func jsonFields(typ reflect.Type) map[string]jsonField {
	fields := make(map[string]jsonField)
	for _, f := range reflect.VisibleFields(typ) {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous || !f.IsExported() || name == "-" {
			continue
		}
		fields[name] = jsonField{f.Type, !strings.Contains(options, "omit")}
	}
	return fields
}

// compareFields compares the names of typ's JSON fields with the schema's
// properties, and goes on into the fields that are objects themselves.
func compareFields(t *testing.T, path string, typ reflect.Type, schema map[string]any) {
	t.Helper()
	fields, properties := jsonFields(typ), propertiesOf(t, schema)
	want, got := slices.Sorted(maps.Keys(fields)), slices.Sorted(maps.Keys(properties))
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s: fields (-Go +schema):\n%s", path, d)
	}
	for name, f := range fields {
		inner, ok := properties[name].(map[string]any)
		if elem := element(f.typ); ok && elem.Kind() == reflect.Struct && elem != reflect.TypeFor[time.Time]() {
			compareFields(t, path+"/"+name, elem, itemsOf(t, inner))
		}
	}
}

func element(typ reflect.Type) reflect.Type {
	for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice || typ.Kind() == reflect.Map {
		typ = typ.Elem()
	}
	return typ
}

// itemsOf returns the schema of a list's items or a map's values, or schema itself.
func itemsOf(t *testing.T, schema map[string]any) map[string]any {
	t.Helper()
	for _, keyword := range []string{"items", "additionalProperties"} {
		if items, ok := schema[keyword].(map[string]any); ok {
			return items
		}
	}
	return schema
}

func propertiesOf(t *testing.T, schema map[string]any) map[string]any {
	t.Helper()
	properties := make(map[string]any)
	if ref, ok := schema["$ref"].(string); ok {
		maps.Copy(properties, propertiesOf(t, load(t, strings.TrimSuffix(ref, ".schema.json"))))
	}
	all, _ := schema["allOf"].([]any)
	for _, s := range all {
		if s, ok := s.(map[string]any); ok {
			maps.Copy(properties, propertiesOf(t, s))
		}
	}
	own, _ := schema["properties"].(map[string]any)
	maps.Copy(properties, own)
	return properties
}

func load(t *testing.T, name string) map[string]any {
	t.Helper()
	text, err := schemas.Raw(name)
	if err != nil {
		t.Fatal(err)
	}
	doc, ok := decode(t, text).(map[string]any)
	if !ok {
		t.Fatalf("%s is not an object", name)
	}
	return doc
}
