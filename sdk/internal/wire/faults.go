package wire

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/connectorhost/connectorhost/sdk"
)

// faults names every field of m that cannot travel, or that should not have: text
// that is not UTF-8, which proto3 refuses, and times outside the years 1 to 9999,
// which JSON refuses. The pointers are those of the JSON form, whose names the
// messages share. No value appears in what it says.
func faults(m proto.Message) []sdk.FieldError {
	found := search(nil, "", m.ProtoReflect())
	slices.SortFunc(found, func(a, b sdk.FieldError) int { return strings.Compare(a.Pointer, b.Pointer) })
	return found
}

const (
	notUTF8  = "must be valid UTF-8"
	noTime   = "must be a time between the years 1 and 9999"
	noLength = "must be a length of time under ten thousand years"
)

func search(found []sdk.FieldError, at string, m protoreflect.Message) []sdk.FieldError {
	if !m.IsValid() {
		return found
	}
	switch known := m.Interface().(type) {
	case *timestamppb.Timestamp:
		if !known.IsValid() {
			return append(found, sdk.FieldError{Pointer: at, Message: noTime})
		}
		return found
	case *durationpb.Duration:
		if !known.IsValid() {
			return append(found, sdk.FieldError{Pointer: at, Message: noLength})
		}
		return found
	}
	m.Range(func(field protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		here := step(at, field)
		switch {
		case field.IsMap():
			found = searchMap(found, here, field.MapValue(), v.Map())
		case field.IsList():
			for i := range v.List().Len() {
				found = searchValue(found, here+"/"+strconv.Itoa(i), field, v.List().Get(i))
			}
		default:
			found = searchValue(found, here, field, v)
		}
		return true
	})
	return found
}

// step is where a field of the thing at a pointer is. Two fields wrap what lies flat in
// JSON: the answer in a response and the values of a header.
func step(at string, field protoreflect.FieldDescriptor) string {
	if name := field.FullName(); name.Name() == "answer" || name.Parent().Name() == "Values" {
		return at
	}
	return at + "/" + string(field.Name())
}

func searchMap(
	found []sdk.FieldError, at string, field protoreflect.FieldDescriptor, m protoreflect.Map,
) []sdk.FieldError {
	m.Range(func(key protoreflect.MapKey, v protoreflect.Value) bool {
		here := at + "/" + pointerToken(key.String())
		if !utf8.ValidString(key.String()) {
			found = append(found, sdk.FieldError{Pointer: here, Message: "must have a name in valid UTF-8"})
		}
		found = searchValue(found, here, field, v)
		return true
	})
	return found
}

func searchValue(
	found []sdk.FieldError, at string, field protoreflect.FieldDescriptor, v protoreflect.Value,
) []sdk.FieldError {
	if field.Message() != nil {
		return search(found, at, v.Message())
	}
	if field.Kind() == protoreflect.StringKind && !utf8.ValidString(v.String()) {
		return append(found, sdk.FieldError{Pointer: at, Message: notUTF8})
	}
	return found
}

// pointerToken makes a key a token of a JSON Pointer (RFC 6901) that can be encoded.
func pointerToken(key string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(toWords(key))
}
