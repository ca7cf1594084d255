// Package gatekeep is the host's gate: it decides, before anything is written or
// sent, whether a connector can take a request and whether an account's fields are
// what the connector asks for.
//
// A [Gate] is built once from what a connector says of itself and compiles every
// schema then; checking does no I/O. It refuses exactly what the SDK refuses on the
// connector's side, because both compile the same documents from package schemas and
// add up a cart with the same function.
//
// A gate knows one request at a time. What depends on the payment, such as whether
// there is enough left to capture, is the ledger's business; what depends on the
// account's credentials is the connector's.
package gatekeep

import (
	"fmt"
	"slices"
	"strings"

	"github.com/connectorhost/connectorhost/schemas"
	"github.com/connectorhost/connectorhost/sdk"
)

// A Gate checks requests to one release of one connector. It is immutable and safe
// for concurrent use.
type Gate struct {
	connector   string
	requests    map[sdk.Operation]*schemas.Schema // of the operations it offers
	cartMatches bool
	account     *schemas.AccountSchema
}

// New builds the gate of a connector that describes itself by d. The error names
// everything that is wrong with the manifest, or the schema that does not compile.
// Operations that this host does not know are left out.
func New(d sdk.Description) (*Gate, error) {
	if err := checkManifest(d.Manifest); err != nil {
		return nil, err
	}
	facts, err := schemas.ManifestFacts(d.Manifest)
	if err != nil {
		return nil, fmt.Errorf("gate of %s: %w", d.Manifest.Name, err)
	}
	g := &Gate{
		connector:   d.Manifest.Name,
		requests:    make(map[sdk.Operation]*schemas.Schema),
		cartMatches: d.Manifest.Features.CartMatchesAmount,
	}
	for _, op := range sdk.AllOperations() {
		if !d.Operations.Has(op) {
			continue
		}
		g.requests[op], err = schemas.Compile(string(op)+".request", facts[string(op)], d.Manifest.RequestSchemas[op])
		if err != nil {
			return nil, fmt.Errorf("gate of %s: %w", g.connector, err)
		}
	}
	if g.account, err = schemas.CompileAccount(d.Manifest.ConfigSchema); err != nil {
		return nil, fmt.Errorf("gate of %s: config schema: %w", g.connector, err)
	}
	return g, nil
}

func checkManifest(m sdk.Manifest) error {
	schema, err := schemas.Compile("manifest")
	if err != nil {
		return err
	}
	if found := schema.ValidateValue(m); found != nil {
		return fmt.Errorf("manifest of %q: %w", m.Name, refusal("manifest", found))
	}
	return nil
}

// Check reports why req, the request of op by value or by pointer, must not be sent
// to the connector; nil if it may. An operation that the connector does not offer is
// refused with the error of [sdk.Unsupported]; otherwise the error lists every field
// at fault, and its code is that of the strongest reason. The account of the call is
// judged too: a release may ask for fields that its predecessor did not.
func (g *Gate) Check(op sdk.Operation, req any) *sdk.Error {
	schema, ok := g.requests[op]
	if !ok {
		return sdk.Unsupported(g.connector, op)
	}
	found := schema.ValidateValue(req)
	if g.cartMatches && !schemas.Blames(found, "/cart_items", "/amount/minor") {
		found = append(found, cartMismatch(req)...)
	}
	found = append(found, g.checkAccount(req)...)
	if found == nil {
		return nil
	}
	return refusal(sdk.Op(g.connector+"."+string(op)), found)
}

// RequiredPointers lists the fields that every request of op must have, as JSON
// Pointers in alphabetical order: those that the contract asks for and those that
// the connector adds. It is nil for an operation that the connector does not offer.
func (g *Gate) RequiredPointers(op sdk.Operation) []string {
	schema, ok := g.requests[op]
	if !ok {
		return nil
	}
	return schema.RequiredPointers()
}

// cartMismatch compares what the cart of an authorization comes to with its amount.
// No cart is no claim.
func cartMismatch(req any) []schemas.Violation {
	var authorize sdk.AuthorizeRequest
	switch req := req.(type) {
	case sdk.AuthorizeRequest:
		authorize = req
	case *sdk.AuthorizeRequest:
		authorize = *req // the schema has refused a nil one
	}
	if len(authorize.Cart) == 0 {
		return nil
	}
	if total, err := sdk.CartTotal(authorize.Cart); err == nil && total == authorize.Amount.Minor {
		return nil
	}
	return []schemas.Violation{{Pointer: "/cart_items", Keyword: "total", Message: "must add up to /amount/minor"}}
}

func refusal(op sdk.Op, found []schemas.Violation) *sdk.Error {
	fields := make([]sdk.FieldError, len(found))
	for i, v := range found {
		fields[i] = sdk.FieldError{Pointer: v.Pointer, Message: v.Message}
	}
	slices.SortStableFunc(fields, func(a, b sdk.FieldError) int { return strings.Compare(a.Pointer, b.Pointer) })
	return &sdk.Error{Op: op, Code: sdk.Code(schemas.ReasonFor(found)), Fields: fields}
}
