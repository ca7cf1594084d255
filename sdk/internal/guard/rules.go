package guard

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/connectorhost/connectorhost/schemas"
	"github.com/connectorhost/connectorhost/sdk"
)

// Rules say which requests the author's code may see. They are compiled once, from
// the documents that the host's gate compiles too, so that both refuse the same set.
type rules struct {
	requests map[sdk.Operation]*schemas.Schema
	account  *schemas.AccountSchema
	cart     bool // a cart must come to the amount
}

// compile makes the rules of a description that has been checked.
func compile(d sdk.Description) (rules, error) {
	r := rules{
		requests: make(map[sdk.Operation]*schemas.Schema, len(d.Operations)),
		cart:     d.Manifest.Features.CartMatchesAmount,
	}
	facts, err := schemas.ManifestFacts(d.Manifest)
	if err != nil {
		return r, fmt.Errorf("manifest: %w", err)
	}
	var wrong []error
	for _, op := range d.Operations {
		schema, err := schemas.Compile(string(op)+".request", facts[string(op)], d.Manifest.RequestSchemas[op])
		if err != nil {
			wrong = append(wrong, fmt.Errorf("manifest: /request_schemas/%s: %w", op, err))
		}
		r.requests[op] = schema
	}
	if r.account, err = schemas.CompileAccount(d.Manifest.ConfigSchema); err != nil {
		wrong = append(wrong, fmt.Errorf("manifest: /config_schema: %w", err))
	}
	return r, errors.Join(wrong...)
}

// refuse returns why the request must not reach the author's code, naming every field
// at fault and no value, or nil.
func (r rules) refuse(at sdk.Op, op sdk.Operation, call sdk.Call, req any) *sdk.Error {
	found := r.requests[op].ValidateValue(req)
	if authorize, ok := req.(sdk.AuthorizeRequest); ok && r.cart && !schemas.Blames(found, "/cart_items", "/amount/minor") {
		found = append(found, judgeCart(authorize)...)
	}
	found = append(found, r.judgeAccount(call.Account)...)
	if len(found) == 0 {
		return nil
	}
	return &sdk.Error{Op: at, Code: sdk.Code(schemas.ReasonFor(found)), Fields: fields(found)}
}

// fields names each fault once, in order: a fact and a narrowing schema may well say
// the same.
func fields(found []schemas.Violation) []sdk.FieldError {
	all := make([]sdk.FieldError, len(found))
	for i, v := range found {
		all[i] = sdk.FieldError{Pointer: v.Pointer, Message: v.Message}
	}
	slices.SortStableFunc(all, func(a, b sdk.FieldError) int {
		return cmp.Or(cmp.Compare(a.Pointer, b.Pointer), cmp.Compare(a.Message, b.Message))
	})
	return slices.Compact(all)
}

// judgeAccount judges configuration and secrets as the one flat object that the config
// schema describes.
func (r rules) judgeAccount(a sdk.Account) []schemas.Violation {
	secrets := make(map[string]string, len(a.Secrets))
	for name, secret := range a.Secrets {
		secrets[name] = secret.Reveal()
	}
	return r.account.ValidateAccount(a.Config, secrets)
}

// judgeCart judges what a schema cannot: a sum.
func judgeCart(req sdk.AuthorizeRequest) []schemas.Violation {
	if len(req.Cart) == 0 {
		return nil
	}
	if total, err := sdk.CartTotal(req.Cart); err == nil && total == req.Amount.Minor {
		return nil
	}
	return []schemas.Violation{{Pointer: "/cart_items", Keyword: "total", Message: "must add up to /amount/minor"}}
}
