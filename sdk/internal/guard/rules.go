package guard

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/connectorhost/connectorhost/schemas"
	"github.com/connectorhost/connectorhost/sdk"
)

// Rules say which requests the author's code may see. They are compiled once.
type rules struct {
	requests map[sdk.Operation]*schemas.Schema
	account  *schemas.Schema // nil if the connector needs no fields
	secret   map[string]bool // the account's fields that are secrets
	cart     bool            // a cart must come to the amount
}

// compile makes the rules of a description that has been checked.
func compile(d sdk.Description) (rules, error) {
	r := rules{
		requests: make(map[sdk.Operation]*schemas.Schema, len(d.Operations)),
		cart:     d.Manifest.Features.CartMatchesAmount,
	}
	var wrong []error
	for _, op := range d.Operations {
		schema, err := schemas.Compile(string(op)+".request", d.Manifest.RequestSchemas[op])
		if err != nil {
			wrong = append(wrong, fmt.Errorf("manifest: /request_schemas/%s: %w", op, err))
		}
		r.requests[op] = schema
	}
	if err := r.compileAccount(d.Manifest.ConfigSchema); err != nil {
		wrong = append(wrong, fmt.Errorf("manifest: /config_schema: %w", err))
	}
	return r, errors.Join(wrong...)
}

func (r *rules) compileAccount(schema json.RawMessage) (err error) {
	if len(schema) == 0 {
		return nil
	}
	if r.account, err = schemas.CompileRaw(schema); err != nil {
		return err
	}
	var fields struct {
		Properties map[string]struct {
			WriteOnly bool `json:"writeOnly"`
		} `json:"properties"`
	}
	if err := json.Unmarshal(schema, &fields); err != nil {
		return err
	}
	r.secret = make(map[string]bool)
	for name, field := range fields.Properties {
		if field.WriteOnly {
			r.secret[name] = true
		}
	}
	return nil
}

// refuse returns why the request must not reach the author's code, naming every field
// at fault and no value, or nil.
func (r rules) refuse(at sdk.Op, op sdk.Operation, call sdk.Call, req any) *sdk.Error {
	found := r.requests[op].ValidateValue(req)
	found = append(found, r.judgeAccount(call.Account)...)
	if authorize, ok := req.(sdk.AuthorizeRequest); ok && r.cart {
		found = append(found, judgeCart(authorize)...)
	}
	if len(found) == 0 {
		return nil
	}
	slices.SortStableFunc(found, func(a, b schemas.Violation) int { return strings.Compare(a.Pointer, b.Pointer) })
	e := &sdk.Error{Op: at, Code: sdk.Code(schemas.ReasonFor(found))}
	for _, v := range found {
		e.Fields = append(e.Fields, sdk.FieldError{Pointer: v.Pointer, Message: v.Message})
	}
	return e
}

// judgeAccount judges configuration and secrets as the one flat object that the config
// schema describes. Pointers lead to where in the account a field is, or belongs.
func (r rules) judgeAccount(a sdk.Account) []schemas.Violation {
	if r.account == nil {
		return nil
	}
	fields := make(map[string]any, len(a.Config)+len(a.Secrets))
	for name, value := range a.Config {
		fields[name] = value
	}
	for name, secret := range a.Secrets {
		fields[name] = secret.Reveal()
	}
	found := r.account.Validate(fields)
	for i, v := range found {
		found[i].Pointer = r.place(a, v.Pointer) + v.Pointer
	}
	for _, name := range slices.Sorted(maps.Keys(a.Config)) {
		if r.secret[name] {
			found = append(found, schemas.Violation{
				Pointer: "/call/account/config/" + name,
				Keyword: "writeOnly",
				Message: "must be among the secrets",
			})
		}
	}
	return found
}

// place is the part of the account that the field of pointer is in, or belongs in.
func (r rules) place(a sdk.Account, pointer string) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(pointer, "/"), "/")
	name = strings.NewReplacer("~1", "/", "~0", "~").Replace(name)
	if _, given := a.Secrets[name]; given || r.secret[name] {
		return "/call/account/secrets"
	}
	return "/call/account/config"
}

// judgeCart judges what a schema cannot: a sum.
func judgeCart(req sdk.AuthorizeRequest) []schemas.Violation {
	if len(req.Cart) == 0 {
		return nil
	}
	if total, err := sdk.CartTotal(req.Cart); err == nil && total == req.Amount.Minor {
		return nil
	}
	return []schemas.Violation{{
		Pointer: "/cart_items",
		Keyword: "total",
		Message: "must add up to the amount",
	}}
}
