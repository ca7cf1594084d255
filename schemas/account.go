package schemas

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// An AccountSchema is a manifest's config schema: what fields an account has, and
// which of them are secrets. It is immutable and safe for concurrent use.
type AccountSchema struct {
	schema *Schema
	fields []Field
}

// A Field is one field of an account.
type Field struct {
	Name        string
	Title       string // for people; the name if the schema has none
	Description string
	Required    bool
	Secret      bool // goes in, and must never come back
}

// CompileAccount compiles a config schema. Without one, or with null, an account has
// no fields.
func CompileAccount(schema json.RawMessage) (*AccountSchema, error) {
	if schema = bytes.TrimSpace(schema); len(schema) == 0 || string(schema) == "null" {
		schema = json.RawMessage(`{"type": "object", "properties": {}}`)
	}
	compiled, err := CompileRaw(schema)
	if err != nil {
		return nil, err
	}
	fields, err := readFields(schema)
	if err != nil {
		return nil, err
	}
	return &AccountSchema{compiled, fields}, nil
}

func readFields(text json.RawMessage) ([]Field, error) {
	var schema struct {
		Required   []string `json:"required"`
		Properties inOrder  `json:"properties"`
	}
	if err := json.Unmarshal(text, &schema); err != nil {
		return nil, err
	}
	fields := make([]Field, len(schema.Properties))
	for i, p := range schema.Properties {
		var about struct {
			Title       string `json:"title"`
			Description string `json:"description"`
			WriteOnly   bool   `json:"writeOnly"`
		}
		if err := json.Unmarshal(p.value, &about); err != nil {
			return nil, fmt.Errorf("field %s: %w", p.name, err)
		}
		if about.Title == "" {
			about.Title = p.name
		}
		fields[i] = Field{p.name, about.Title, about.Description, slices.Contains(schema.Required, p.name), about.WriteOnly}
	}
	return fields, nil
}

// Fields lists the account's fields in the order in which the schema declares them.
func (a *AccountSchema) Fields() []Field { return slices.Clone(a.fields) }

// Secret reports whether the named field must never come back. So does a name that
// the schema does not declare: what nobody knows is not shown.
func (a *AccountSchema) Secret(name string) bool {
	f, ok := a.field(name)
	return !ok || f.Secret
}

func (a *AccountSchema) field(name string) (Field, bool) {
	i := slices.IndexFunc(a.fields, func(f Field) bool { return f.Name == name })
	if i < 0 {
		return Field{}, false
	}
	return a.fields[i], true
}

// ValidateFields judges configuration and secrets together, as they are entered. A
// field that the schema does not declare is refused even where the schema would let
// it pass, because nobody could tell whether it is a secret.
func (a *AccountSchema) ValidateFields(fields map[string]string) []Violation {
	var found []Violation
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if _, ok := a.field(name); !ok {
			found = append(found, Violation{Pointer: Pointer(name), Keyword: "additionalProperties", Message: unexpected})
		}
	}
	for _, v := range a.schema.Validate(document(fields)) {
		if v.Keyword != "additionalProperties" { // those are told already
			found = append(found, v)
		}
	}
	return found
}

// ValidateAccount judges the account of a call, whose secrets travel apart from its
// configuration. Pointers lead to where in the request a field is, or belongs. A
// leftover that the schema lets pass is no reason to refuse a payment.
func (a *AccountSchema) ValidateAccount(config, secrets map[string]string) []Violation {
	fields := document(config)
	maps.Copy(fields, document(secrets))
	found := a.schema.Validate(fields)
	for i, v := range found {
		found[i].Pointer = a.place(v.Pointer, secrets) + v.Pointer
	}
	for _, name := range slices.Sorted(maps.Keys(config)) {
		if f, _ := a.field(name); f.Secret {
			found = append(found, Violation{
				Pointer: Pointer("call", "account", "config", name), Keyword: "writeOnly", Message: "must be among the secrets",
			})
		}
	}
	return found
}

// place is the part of the account that the field of pointer is in, or belongs in.
func (a *AccountSchema) place(pointer string, secrets map[string]string) string {
	if path := tokens(pointer); len(path) > 0 {
		f, _ := a.field(path[0])
		if _, given := secrets[path[0]]; given || f.Secret {
			return "/call/account/secrets"
		}
	}
	return "/call/account/config"
}

func document(fields map[string]string) map[string]any {
	doc := make(map[string]any, len(fields))
	for name, value := range fields {
		doc[name] = value
	}
	return doc
}

// inOrder is a JSON object whose fields keep their order.
type inOrder []struct {
	name  string
	value json.RawMessage
}

// UnmarshalJSON reads the object's fields as they come.
func (o *inOrder) UnmarshalJSON(text []byte) error {
	d := json.NewDecoder(bytes.NewReader(text))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return errors.New("properties must be an object")
	}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return err
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return err
		}
		name, _ := token.(string) // the key of an object is always one
		*o = append(*o, struct {
			name  string
			value json.RawMessage
		}{name, value})
	}
	return nil
}
