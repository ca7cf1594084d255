package guard

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/connectorhost/connectorhost/schemas"
	"github.com/connectorhost/connectorhost/sdk"
)

// describe asks c what it is, and checks it. The text is the description in JSON.
func describe(c sdk.Connector) (d sdk.Description, text []byte, err error) {
	if c == nil {
		return d, nil, errors.New("there is no connector: the value is nil")
	}
	if text, err = said(c); err != nil {
		return d, nil, fmt.Errorf("connector %T: %w", c, err)
	}
	again, err := said(c)
	if err != nil || !bytes.Equal(text, again) {
		return d, nil, fmt.Errorf("connector %T: Describe must return equal manifests every time, and did not", c)
	}
	if d, err = recall(text); err != nil {
		return d, nil, fmt.Errorf("connector %T: %w", c, err)
	}
	if err := check(d); err != nil {
		return d, nil, fmt.Errorf("connector %q: %w", d.Manifest.Name, err)
	}
	return d, text, nil
}

// said is c's description in JSON. A panic of the author's code is an error.
func said(c sdk.Connector) (text []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("Describe panicked: %v", p)
		}
	}()
	var b bytes.Buffer
	to := json.NewEncoder(&b)
	to.SetEscapeHTML(false) // schemas hold patterns, which must stay readable
	if err := to.Encode(sdk.Description{Manifest: c.Describe(), Operations: sdk.OperationsOf(c)}); err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	return b.Bytes(), nil
}

// recall reads what said wrote.
func recall(text []byte) (d sdk.Description, err error) {
	if err := json.Unmarshal(text, &d); err != nil {
		return d, fmt.Errorf("manifest: %w", err)
	}
	if string(d.Manifest.ConfigSchema) == "null" { // how JSON says that there is none
		d.Manifest.ConfigSchema = nil
	}
	return d, nil
}

// check returns everything that is wrong with d, or nil: first what the schema of a
// description says, then what a schema cannot.
func check(d sdk.Description) error {
	schema, err := schemas.Compile("description")
	if err != nil {
		return err
	}
	var wrong []error
	for _, v := range schema.ValidateValue(d) {
		wrong = append(wrong, fmt.Errorf("%s %s", v.Pointer, v.Message))
	}
	for _, complaint := range complaints(d) {
		wrong = append(wrong, errors.New(complaint))
	}
	return errors.Join(wrong...)
}

func complaints(d sdk.Description) []string {
	var all []string
	complain := func(unless bool, format string, args ...any) {
		if !unless {
			all = append(all, fmt.Sprintf(format, args...))
		}
	}
	m, has := d.Manifest, d.Operations.Has
	complain(len(d.Operations) > 0, "/operations must not be empty: implement at least one operation of package sdk")
	complain(m.Contract.Min <= m.Contract.Max && m.Contract.Includes(sdk.ContractVersion),
		"/manifest/contract must include %d, the version that this SDK speaks", sdk.ContractVersion)
	complain(m.RefundScope == "" || has(sdk.OpRefund), "/manifest/refund_scope must be empty: it does not offer refund")
	complain(m.Webhook == nil || has(sdk.OpReadWebhook), "/manifest/webhook must be nil: it does not offer read_webhook")
	complain(!has(sdk.OpRegisterWebhook) || has(sdk.OpReadWebhook),
		"/operations must have read_webhook, because it offers register_webhook")
	complain(m.Limits.MaxAmount == 0 || m.Limits.MinAmount <= m.Limits.MaxAmount,
		"/manifest/limits/max_amount must be at least min_amount")
	for _, mode := range m.CaptureModes {
		complain(mode != sdk.CaptureManual || has(sdk.OpCapture),
			"/operations must have capture, because its manifest promises manual capture")
	}
	for _, f := range needs(m.Features) {
		complain(!f.promised || has(f.op), "/manifest/features/%s must be false: it does not offer %s", f.name, f.op)
	}
	return append(all, perOperation(d)...)
}

// A need is a feature and the operation that it is a fact about. The need of partial
// capture is in the schema.
type need struct {
	name     string
	promised bool
	op       sdk.Operation
}

func needs(f sdk.Features) []need {
	return []need{
		{"multiple_capture", f.MultipleCapture, sdk.OpCapture},
		{"over_capture", f.OverCapture, sdk.OpCapture},
		{"partial_authorization", f.PartialAuthorization, sdk.OpAuthorize},
		{"cart_matches_amount", f.CartMatchesAmount, sdk.OpAuthorize},
		{"partial_refund", f.PartialRefund, sdk.OpRefund},
		{"multiple_refund", f.MultipleRefund, sdk.OpRefund},
		{"void_after_partial_capture", f.VoidAfterPartialCapture, sdk.OpVoid},
		{"not_found_authoritative", f.NotFoundAuthoritative, sdk.OpFindPayment},
	}
}

// perOperation compares the facts that are given by operation with the operations.
func perOperation(d sdk.Description) []string {
	var all []string
	for _, op := range sdk.AllOperations() {
		_, idempotent := d.Manifest.Idempotency[op]
		_, narrowed := d.Manifest.RequestSchemas[op]
		switch offered := d.Operations.Has(op); {
		case offered && !idempotent && answers(op) && !op.MovesMoney(): // the schema has the rest
			all = append(all, fmt.Sprintf("/manifest/idempotency/%s is required", op))
		case !offered && idempotent:
			all = append(all, fmt.Sprintf("/manifest/idempotency/%s must not be there: it does not offer %s", op, op))
		case !offered && narrowed:
			all = append(all, fmt.Sprintf("/manifest/request_schemas/%s must not be there: it does not offer %s", op, op))
		}
	}
	return all
}

// answers reports whether op is a write with an outcome.
func answers(op sdk.Operation) bool {
	switch op {
	case sdk.OpAuthorize, sdk.OpCapture, sdk.OpVoid, sdk.OpCancel, sdk.OpRefund, sdk.OpIncrement,
		sdk.OpTokenize, sdk.OpDeleteToken, sdk.OpZeroAuthorize:
		return true
	case sdk.OpCheckCredentials, sdk.OpFindPayment, sdk.OpFindRefund, sdk.OpReadWebhook, sdk.OpRegisterWebhook:
		return false
	}
	return false
}
