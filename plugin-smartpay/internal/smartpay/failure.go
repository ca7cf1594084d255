package smartpay

import (
	"context"
	"errors"
	"net"

	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/api"
	"github.com/connectorhost/connectorhost/sdk"
)

// Wild cards of errorTable.
const (
	any5xx  = 5   // every status from 500
	anyCode = "*" // whatever the error code, also none
	noCode  = ""  // an answer without an error code
	reads   = api.Endpoint("GET")
)

// codeIdempotencyConflict is what a second use of a key with another body is refused
// with. What Smartpay does with one is unknown; this is the name that its pattern
// suggests. [UNK]
const codeIdempotencyConflict = "idempotency.conflict"

// codeIdempotencyInProgress is what a use of a key is refused with while another use of
// it is under way, by the same reasoning. [UNK]
const codeIdempotencyInProgress = "idempotency.in-progress"

// An errorRow says what a refusal means. The first row that fits decides.
type errorRow struct {
	http    int
	code    string
	at      api.Endpoint // "" for every endpoint, or "GET" for those that only read
	means   sdk.Code
	because string
}

// errorTable is the one place that knows what Smartpay's refusals mean. What it does
// not list means unmapped_error: in doubt.
var errorTable = []errorRow{
	{400, "request.invalid", "", sdk.CodeInvalidField, ""},
	{400, "request.malformed", "", sdk.CodeSchemaViolation, "Smartpay could not decode the body"},
	{400, "token.invalid", "", sdk.CodeRevokedAuthorization, "the token or its consumer is not active"},
	{401, anyCode, "", sdk.CodeCredentialsInvalid, "a 401 has no error code"},
	{403, "amount.insufficient", api.CreateRefund, sdk.CodeAmountExceedsRefundable, "403, not 409"},
	{403, noCode, "", sdk.CodePermissionDenied, ""},
	{404, "checkout-session.not-found", "", sdk.CodeNotFound, "also of an object of the other mode"},
	{404, "order.not-found", "", sdk.CodeNotFound, ""},
	{404, "payment.not-found", "", sdk.CodeNotFound, ""},
	{404, "refund.not-found", "", sdk.CodeNotFound, ""},
	{404, "token.not-found", "", sdk.CodeNotFound, ""},
	{404, "coupon.not-found", "", sdk.CodeNotFound, ""},
	{404, "promotion-code.not-found", "", sdk.CodeNotFound, ""},
	{404, "webhook-endpoint.not-found", "", sdk.CodeNotFound, ""},
	{409, "order.cannot-capture", "", sdk.CodeInvalidState, "its message says why"},
	{409, "payment.excessive-amount", "", sdk.CodeAmountExceedsCapturable, ""},
	{409, "order.cannot-cancel", "", sdk.CodeInvalidState, "not authorized, or nothing left to release: refund instead"},
	{409, "promotion-code.exists", "", sdk.CodeInvalidField, ""},
	{409, codeIdempotencyConflict, "", sdk.CodeKeyConflict, "one key, two bodies"},
	{409, codeIdempotencyInProgress, "", sdk.CodeKeyInProgress, "another use of the key is under way"},
	{429, anyCode, "", sdk.CodeRateLimited, "waits as long as Retry-After says"},
	{any5xx, anyCode, reads, sdk.CodeMaintenance, "a read that fails changes nothing"},
	{504, anyCode, "", sdk.CodeGatewayTimeout, "Smartpay may have acted"},
	{any5xx, anyCode, "", sdk.CodeHTTP5xx, "Smartpay may have acted"},
}

func (r errorRow) fits(f *api.Failure) bool {
	return (r.http == f.HTTP || r.http == any5xx && f.HTTP/100 == 5) &&
		(r.code == anyCode || r.code == f.Code) &&
		(r.at == "" || r.at == f.Endpoint || r.at == reads && f.Endpoint.Reads())
}

// A breakRow says what a call means that ended without a readable answer. The first
// row that fits decides.
type breakRow struct {
	situation string
	fits      func(*api.Failure) bool
	means     sdk.Code
}

// breakTable is the one place that knows what broken calls mean. Everything before
// the request was sent is proof that nothing happened; everything after it is in
// doubt.
var breakTable = []breakRow{
	{"not sent: it cannot be asked like this", because(api.ErrRequest), sdk.CodeInvalidField},
	{"not sent: the name was not resolved", unsent(isDNS), sdk.CodeDNSFailure},
	{"not sent: the deadline passed or the caller gave up", unsent(isContext), sdk.CodeExpiredInQueue},
	{"not sent: TLS was not agreed", unsent(func(f *api.Failure) bool { return f.Handshake }), sdk.CodeTLSFailure},
	{"not sent: no connection", unsent(func(*api.Failure) bool { return true }), sdk.CodeConnectRefused},
	{"sent: the deadline passed or the caller gave up", isContext, sdk.CodeReadTimeout},
	{"sent: the answer ended early", because(api.ErrTruncated), sdk.CodeTruncatedBody},
	{"sent: a success that cannot be read", because(api.ErrUnreadable, api.ErrTooLarge), sdk.CodeUnparseableSuccess},
	{"sent: a success about something else", isForeign, sdk.CodeIDMismatch},
	{"sent: the connection broke before an answer", unanswered, sdk.CodeConnectionReset},
}

func unanswered(f *api.Failure) bool { return f.HTTP == 0 }

func unsent(also func(*api.Failure) bool) func(*api.Failure) bool {
	return func(f *api.Failure) bool { return !f.Sent && also(f) }
}

func because(causes ...error) func(*api.Failure) bool {
	return func(f *api.Failure) bool {
		for _, cause := range causes {
			if errors.Is(f, cause) {
				return true
			}
		}
		return false
	}
}

func isDNS(f *api.Failure) bool {
	_, ok := errors.AsType[*net.DNSError](f.Err)
	return ok && !isContext(f)
}

func isContext(f *api.Failure) bool {
	return errors.Is(f.Err, context.DeadlineExceeded) || errors.Is(f.Err, context.Canceled)
}

func isForeign(f *api.Failure) bool {
	_, ok := errors.AsType[*api.Foreign](f.Err)
	return ok
}

// codeOf translates a failed call.
func codeOf(f *api.Failure) sdk.Code {
	if f.Err == nil {
		for _, row := range errorTable {
			if row.fits(f) {
				return row.means
			}
		}
		return sdk.CodeUnmappedError
	}
	for _, row := range breakTable {
		if row.fits(f) {
			return row.means
		}
	}
	return sdk.CodeUnmappedError
}

// failure is the error of an operation whose call of Smartpay's API ended in err. An
// error that is translated already stays as it is.
func failure(op sdk.Op, err error) error {
	if e, ok := errors.AsType[*sdk.Error](err); ok {
		return e
	}
	f, ok := errors.AsType[*api.Failure](err)
	if !ok {
		return &sdk.Error{Op: op, Code: sdk.CodeUnmappedError, Err: err}
	}
	e := &sdk.Error{
		Op: op, Code: codeOf(f),
		Provider: sdk.Provider{Code: f.Code, Message: f.Message, HTTPStatus: f.HTTP, RequestID: f.RequestID},
	}
	if advice := e.Retry(); advice == sdk.RetrySameKey || advice == sdk.RetrySameKeyAfter {
		e.RetryAfter = f.RetryAfter // with any other advice, how long to wait is no answer to anything
	}
	if e.Category() == sdk.CategoryValidation {
		e.Fields = []sdk.FieldError{{Pointer: "", Message: wholly(f)}}
	}
	if f.Err != nil || f.Message == "" {
		e.Err = f // Smartpay's own message says it better where there is one
	}
	return e
}

// wholly is what was wrong with a request that Smartpay refused for its form: it does not
// say in a way that programs could read with which field.
func wholly(f *api.Failure) string {
	if f.Message == "" {
		return "is refused by Smartpay, which does not say why"
	}
	return "is refused by Smartpay: " + f.Message
}

// isNotFound reports whether Smartpay said, in its own words, that there is no such
// object when it was asked for one at the endpoint. A 404 of somebody on the way to it
// says nothing.
func isNotFound(err error, at api.Endpoint) bool {
	f, ok := errors.AsType[*api.Failure](err)
	return ok && f.Endpoint == at && codeOf(f) == sdk.CodeNotFound
}
