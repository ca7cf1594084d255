package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	"github.com/connectorhost/connectorhost/sdk"
	pb "github.com/connectorhost/connectorhost/sdk/internal/gen/connector/v1"
)

// TestEveryMessageSurvives is the law of this package: what leaves arrives, whatever
// it holds.
func TestEveryMessageSurvives(t *testing.T) {
	for name, tr := range trips() {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				want := tr.draw(t)
				if diff := cmp.Diff(want, tr.travel(t, want), alike); diff != "" {
					t.Fatalf("what arrived differs (-left +arrived):\n%s", diff)
				}
			})
		})
	}
}

// TestEveryFieldOfPackageSDKIsCarried breaks when a field is added to a type of package
// sdk and forgotten here.
func TestEveryFieldOfPackageSDKIsCarried(t *testing.T) {
	for name, tr := range trips() {
		t.Run(name, func(t *testing.T) {
			want := tr.full()
			if diff := cmp.Diff(want, tr.travel(t, want), alike); diff != "" {
				t.Errorf("what arrived differs (-left +arrived):\n%s", diff)
			}
		})
	}
}

// TestNothingSurvives sends values with nothing in them, so that absence is seen to
// stay absence: an amount most of all.
func TestNothingSurvives(t *testing.T) {
	for name, tr := range trips() {
		t.Run(name, func(t *testing.T) {
			want := tr.from(tr.new())
			if diff := cmp.Diff(want, tr.travel(t, want), alike); diff != "" {
				t.Errorf("what arrived differs (-left +arrived):\n%s", diff)
			}
		})
	}
}

// TestEveryFieldOfTheContractIsSet breaks when a field is added to the proto and
// forgotten here. Full values of every message that is sent must set every field of
// every message that there is.
func TestEveryFieldOfTheContractIsSet(t *testing.T) {
	missing := make(map[protoreflect.FullName]bool)
	messages := pb.File_connector_v1_connector_proto.Messages()
	for i := range messages.Len() {
		for j := range messages.Get(i).Fields().Len() {
			missing[messages.Get(i).Fields().Get(j).FullName()] = true
		}
	}
	for _, tr := range trips() {
		visit(tr.to(tr.full()).ProtoReflect(), func(field protoreflect.FieldDescriptor) { delete(missing, field.FullName()) })
	}
	for _, name := range slices.Sorted(maps.Keys(missing)) {
		t.Errorf("no conversion sets %s", name)
	}
}

// TestEveryMessageOfTheContractIsSent breaks when an RPC is added and not converted.
func TestEveryMessageOfTheContractIsSent(t *testing.T) {
	sent := make(map[protoreflect.FullName]bool)
	for _, tr := range trips() {
		sent[tr.new().ProtoReflect().Descriptor().FullName()] = true
	}
	methods := pb.File_connector_v1_connector_proto.Services().Get(0).Methods()
	for i := range methods.Len() {
		for _, m := range []protoreflect.MessageDescriptor{methods.Get(i).Input(), methods.Get(i).Output()} {
			if !sent[m.FullName()] {
				t.Errorf("%s of %s has no conversion", m.FullName(), methods.Get(i).Name())
			}
		}
	}
}

func visit(m protoreflect.Message, see func(protoreflect.FieldDescriptor)) {
	m.Range(func(field protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		see(field)
		switch {
		case field.IsMap():
			v.Map().Range(func(_ protoreflect.MapKey, v protoreflect.Value) bool {
				if field.MapValue().Message() != nil {
					visit(v.Message(), see)
				}
				return true
			})
		case field.IsList() && field.Message() != nil:
			for i := range v.List().Len() {
				visit(v.List().Get(i).Message(), see)
			}
		case field.Message() != nil:
			visit(v.Message(), see)
		}
		return true
	})
}

// TestMessagesSayWhatTheJSONFormSays keeps the names of the two forms in step, since a
// pointer to a field must mean the same in both, and finds two fields that were
// swapped on the way out and swapped back on the way in.
func TestMessagesSayWhatTheJSONFormSays(t *testing.T) {
	for name, tr := range trips() {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				v := tr.draw(t)
				if d, ok := v.(response[sdk.Description]); ok { // random bytes are no schemas
					d.Result.Manifest.ConfigSchema, d.Result.Manifest.RequestSchemas = nil, nil
					v = d
				}
				inJSON := make(map[string]string)
				jsonLeaves(inJSON, "", document(t, v))
				inProto := make(map[string]string)
				protoLeaves(inProto, "", tr.to(v).ProtoReflect())
				for pointer, want := range inProto {
					if got, ok := inJSON[pointer]; !ok || got != want {
						t.Fatalf("%s is %s on the wire and %q in JSON", pointer, want, got)
					}
				}
			})
		})
	}
}

// document is the JSON form of a request, or of the result in a response.
func document(t *rapid.T, v any) any {
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var doc any
	if err := d.Decode(&doc); err != nil {
		t.Fatal(err)
	}
	if fields, ok := doc.(map[string]any); ok && fields["Result"] != nil {
		return fields["Result"]
	}
	return doc
}

// jsonLeaves collects the strings, numbers and booleans of a document, by pointer.
func jsonLeaves(into map[string]string, at string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for name, v := range v {
			jsonLeaves(into, at+"/"+pointerToken(name), v)
		}
	case []any:
		for i, v := range v {
			jsonLeaves(into, at+"/"+strconv.Itoa(i), v)
		}
	case string, bool, json.Number:
		into[at] = fmt.Sprint(v)
	}
}

// protoLeaves collects the same of a message, but for what has no JSON form or another
// one by design: secrets and errors, bytes, and lengths and points of time.
func protoLeaves(into map[string]string, at string, m protoreflect.Message) {
	m.Range(func(field protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		here := strings.Replace(step(at, field), "/contract_", "/contract/", 1)
		switch {
		case hasNoJSON(field):
		case field.IsMap():
			v.Map().Range(func(key protoreflect.MapKey, v protoreflect.Value) bool {
				protoLeaf(into, here+"/"+pointerToken(key.String()), field.MapValue(), v)
				return true
			})
		case field.IsList():
			for i := range v.List().Len() {
				protoLeaf(into, here+"/"+strconv.Itoa(i), field, v.List().Get(i))
			}
		default:
			protoLeaf(into, here, field, v)
		}
		return true
	})
}

func protoLeaf(into map[string]string, at string, field protoreflect.FieldDescriptor, v protoreflect.Value) {
	switch field.Kind() {
	case protoreflect.MessageKind:
		switch v.Message().Interface().(type) {
		case *timestamppb.Timestamp, *durationpb.Duration:
		default:
			protoLeaves(into, at, v.Message())
		}
	case protoreflect.EnumKind:
		into[at] = strings.TrimPrefix(string(field.Enum().Values().ByNumber(v.Enum()).Name()), enumPrefix(field.Enum()))
	case protoreflect.BytesKind:
	default:
		into[at] = v.String()
	}
}

// enumPrefix is what the names of an enum's values start with, such as MOVE_STATUS_.
func enumPrefix(enum protoreflect.EnumDescriptor) string {
	unspecified := string(enum.Values().ByNumber(0).Name())
	return strings.TrimSuffix(unspecified, "UNSPECIFIED")
}

func hasNoJSON(field protoreflect.FieldDescriptor) bool {
	switch field.Name() {
	case "secrets", "secret", "error", "refused":
		return true
	}
	return false
}
