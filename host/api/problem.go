package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/connectorhost/connectorhost/host/internal/settle"
	"github.com/connectorhost/connectorhost/host/internal/store"
	"github.com/connectorhost/connectorhost/sdk"
)

// A problem is a request that was refused or could not be carried out: the error
// envelope of the contract. It is never sent with status 422, whose body clients
// expect in another form.
type problem struct {
	Type       string   `json:"type"` // "error"
	Code       string   `json:"code"`
	Status     int      `json:"status"`
	Message    string   `json:"message"`
	Details    []detail `json:"details"`
	ResourceID string   `json:"resource_id,omitempty"`

	cause      error // for the log, never for the merchant
	retryAfter int   // seconds; 0 means that nothing is said
}

// A detail is one field at fault. Its type is a code of package sdk, such as
// "missing_field".
type detail struct {
	Location location `json:"location"`
	Pointer  string   `json:"pointer"` // JSON Pointer into what Location names
	Message  string   `json:"message"`
	Type     string   `json:"type"`
}

// A location is the part of a request that a pointer points into.
type location string

const (
	inBody   location = "body"
	inQuery  location = "query"
	inPath   location = "path"
	inHeader location = "header"
)

// Error says what the merchant is told, and why.
func (p *problem) Error() string {
	text := fmt.Sprintf("%d %s: %s", p.Status, p.Code, p.Message)
	for _, d := range p.Details {
		text += fmt.Sprintf("; %s %s", d.Pointer, d.Message)
	}
	if p.cause != nil {
		text += ": " + p.cause.Error()
	}
	return text
}

// Unwrap returns what the merchant is not told.
func (p *problem) Unwrap() error { return p.cause }

func newProblem(status int, code, message string, details ...detail) *problem {
	if details == nil {
		details = []detail{}
	}
	return &problem{Type: "error", Code: code, Status: status, Message: message, Details: details}
}

const invalidMessage = "The request is not valid"

// invalid refuses a request for its fields.
func invalid(details ...detail) *problem {
	return newProblem(http.StatusBadRequest, "bad_request", invalidMessage, details...)
}

func badRequest(message string) *problem {
	return newProblem(http.StatusBadRequest, "bad_request", message)
}

// unauthorized tells a stranger nothing about why.
func unauthorized(cause error) *problem {
	p := newProblem(http.StatusUnauthorized, "unauthorized", "No valid API authentication found")
	p.cause = cause
	return p
}

func forbidden(message string) *problem {
	return newProblem(http.StatusForbidden, "forbidden", message)
}

func notFound() *problem {
	return newProblem(http.StatusNotFound, "not_found", "The resource could not be found")
}

func methodNotAllowed() *problem {
	return newProblem(http.StatusMethodNotAllowed, "method_not_allowed", "The method is not allowed for this path")
}

func concurrent(message string) *problem {
	return newProblem(http.StatusConflict, "concurrent_request", message)
}

// unprocessed is a fault that is not the merchant's.
func unprocessed(status int, cause error) *problem {
	codes := map[int]string{
		http.StatusInternalServerError: "server_error",
		http.StatusBadGateway:          "bad_gateway",
		http.StatusGatewayTimeout:      "gateway_timeout",
	}
	p := newProblem(status, codes[status], "Request could not be processed")
	p.cause = cause
	return p
}

// problemOf says what a merchant is told of an error.
func problemOf(err error) *problem {
	if p, ok := errors.AsType[*problem](err); ok {
		return p
	}
	if refused, ok := errors.AsType[*sdk.Error](err); ok {
		return refusal(refused)
	}
	if unserved, ok := errors.AsType[*settle.NoServiceError](err); ok {
		return invalid(detail{inBody, unserved.Pointer, unserved.Message, string(sdk.CodeInvalidField)})
	}
	if busy, ok := errors.AsType[*settle.BusyError](err); ok {
		return concurrent(busy.Error())
	}
	switch {
	case errors.Is(err, store.ErrNotFound):
		return notFound()
	case errors.Is(err, store.ErrCursor):
		return invalid(detail{inQuery, "/cursor", "must be a cursor of an answer to this query",
			string(sdk.CodeInvalidField)})
	case errors.Is(err, store.ErrBusy):
		return tooMany(err)
	case errors.Is(err, store.ErrUnavailable) || errors.Is(err, store.ErrClosed):
		return away(err)
	case errors.Is(err, context.DeadlineExceeded):
		return unprocessed(http.StatusGatewayTimeout, err)
	}
	return unprocessed(http.StatusInternalServerError, err)
}

// refusal is what a merchant is told of an error in the connectors' vocabulary. The
// first three categories are the merchant's to mend; the others are the provider's,
// the connector's or the operator's, and the log says more about them.
func refusal(e *sdk.Error) *problem {
	var p *problem
	switch e.Category() {
	case sdk.CategoryValidation, sdk.CategoryCapability, sdk.CategoryState:
		p = badRequest(reason(e))
		p.Details = faults(e)
	case sdk.CategoryProviderAmbiguous, sdk.CategoryProviderUnavailable, sdk.CategoryPlugin,
		sdk.CategoryIdempotency, sdk.CategoryAuthentication, sdk.CategoryCustomerAction,
		sdk.CategoryDeclineSoft, sdk.CategoryDeclineHard, sdk.CategoryRisk, sdk.CategoryCreditDecision,
		sdk.CategoryRateLimit, sdk.CategoryIntegrity, sdk.CategoryWebhook, sdk.CategoryUnmapped:
		p = unprocessed(gatewayStatus(e), e)
		p.Message += ": " + string(codeOf(e))
	default:
		p = unprocessed(http.StatusBadGateway, e)
	}
	p.cause = e
	return p
}

// gatewayStatus tells waiting in vain from being turned away.
func gatewayStatus(e *sdk.Error) int {
	switch e.Code {
	case sdk.CodeReadTimeout, sdk.CodeGatewayTimeout, sdk.CodePluginDeadline, sdk.CodeExpiredInQueue:
		return http.StatusGatewayTimeout
	}
	if errors.Is(e, context.DeadlineExceeded) {
		return http.StatusGatewayTimeout
	}
	return http.StatusBadGateway
}

// reason puts the cause of a refusal into one sentence.
func reason(e *sdk.Error) string {
	switch {
	case len(e.Fields) > 0:
		return invalidMessage
	case e.Err != nil:
		return e.Err.Error()
	}
	return string(codeOf(e))
}

// faults lists the fields at fault. A refusal that blames none is about the payment
// that the path names.
func faults(e *sdk.Error) []detail {
	if len(e.Fields) == 0 {
		return []detail{{inPath, "/transaction_id", reason(e), string(codeOf(e))}}
	}
	details := make([]detail, 0, len(e.Fields))
	for _, f := range e.Fields {
		details = append(details, detail{inBody, f.Pointer, f.Message, string(codeOf(e))})
	}
	return details
}

func codeOf(e *sdk.Error) sdk.Code {
	if e.Code == "" {
		return sdk.CodeUnmappedError
	}
	return e.Code
}
