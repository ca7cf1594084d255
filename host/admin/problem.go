package admin

import (
	"context"
	"errors"
	"net/http"

	"github.com/connectorhost/connectorhost/host/internal/fleet"
	"github.com/connectorhost/connectorhost/host/internal/settle"
	"github.com/connectorhost/connectorhost/host/internal/store"
	"github.com/connectorhost/connectorhost/host/internal/supervise"
	"github.com/connectorhost/connectorhost/sdk"
	"github.com/connectorhost/connectorhost/sdk/launch"
)

// A problem is an error with an HTTP status.
type problem struct {
	status  int
	message string
}

// Error returns the message.
func (p *problem) Error() string { return p.message }

// An unfitError says that a program cannot be installed, through no fault of this host.
type unfitError struct{ error }

// Unwrap returns what is wrong with it.
func (e *unfitError) Unwrap() error { return e.error }

// An AnsweredError is the answer to an order that failed, given again. It is an
// [ErrAnswered].
type AnsweredError struct {
	Status        int    // of HTTP; 0 if it is not known any more
	Code, Message string // as they were
}

// Error says that it is an old answer, and what it was.
func (e *AnsweredError) Error() string { return ErrAnswered.Error() + ": " + e.Message }

// Unwrap returns ErrAnswered.
func (e *AnsweredError) Unwrap() error { return ErrAnswered }

// Judge returns the HTTP status of an error and its code, for [AnsweredError].
func Judge(err error) (status int, code string) { return statusOf(err), codeOf(err) }

// statuses are the errors that say what is wrong with a request, or what has to change
// before it can be carried out, each with the word for it that programs read.
var statuses = []struct {
	err    error
	status int
	code   string
}{
	{store.ErrNotFound, http.StatusNotFound, "not_found"},
	{fleet.ErrNotInstalled, http.StatusNotFound, "not_installed"},
	{store.ErrConflict, http.StatusConflict, "overtaken"},
	{store.ErrCursor, http.StatusBadRequest, "wrong_cursor"},
	{supervise.ErrRefused, http.StatusConflict, "refused"},
	{supervise.ErrQuarantined, http.StatusConflict, "quarantined"},
	{supervise.ErrNotActive, http.StatusConflict, "not_active"},
	{supervise.ErrActive, http.StatusConflict, "active"},
	{supervise.ErrWorse, http.StatusConflict, "did_worse"},
	{supervise.ErrNotWarm, http.StatusConflict, "not_warm"},
	{supervise.ErrNotParked, http.StatusNotFound, "not_parked"},
	{fleet.ErrInUse, http.StatusConflict, "in_use"},
	{ErrOtherOrder, http.StatusConflict, "other_order"},
	{ErrAnswered, http.StatusConflict, "answered_before"},
	{fleet.ErrDamaged, http.StatusConflict, "damaged"},
	{store.ErrBusy, http.StatusServiceUnavailable, "busy"},
	{store.ErrUnavailable, http.StatusServiceUnavailable, "database_unavailable"},
	{store.ErrClosed, http.StatusServiceUnavailable, "shutting_down"},
	{supervise.ErrClosed, http.StatusServiceUnavailable, "shutting_down"},
	{context.DeadlineExceeded, http.StatusGatewayTimeout, "timeout"},
}

// faulty are the statuses of releases that do not serve: 422 where the program by itself
// is no use, 409 where it is no use here and now. For the faults that are not named it
// is what else the error says.
var faulty = map[supervise.Fault]int{
	supervise.FaultDigest:    http.StatusUnprocessableEntity,
	supervise.FaultContract:  http.StatusUnprocessableEntity,
	supervise.FaultIsolation: http.StatusUnprocessableEntity,
	supervise.FaultBinary:    http.StatusUnprocessableEntity,
	supervise.FaultHandshake: http.StatusUnprocessableEntity,
	supervise.FaultTimeout:   http.StatusUnprocessableEntity,
	supervise.FaultDescribe:  http.StatusUnprocessableEntity,
	supervise.FaultEnded:     http.StatusUnprocessableEntity,
	supervise.FaultUnhealthy: http.StatusUnprocessableEntity,

	supervise.FaultConnector:  http.StatusConflict,
	supervise.FaultDescribed:  http.StatusConflict,
	supervise.FaultAdmission:  http.StatusConflict,
	supervise.FaultCapability: http.StatusConflict,
	supervise.FaultWorse:      http.StatusConflict,
}

// statusOf is the HTTP status of an error. What nobody foresaw is ours.
func statusOf(err error) int {
	if e, ok := errors.AsType[*AnsweredError](err); ok && e.Status != 0 {
		return e.Status
	}
	if p, ok := errors.AsType[*problem](err); ok {
		return p.status
	}
	if _, ok := errors.AsType[*unfitError](err); ok {
		return http.StatusUnprocessableEntity
	}
	if status, ok := faulty[supervise.FaultOf(err)]; ok {
		return status
	}
	if _, ok := errors.AsType[*settle.BusyError](err); ok {
		return http.StatusConflict
	}
	for _, s := range statuses {
		if errors.Is(err, s.err) {
			return s.status
		}
	}
	if e, ok := errors.AsType[*sdk.Error](err); ok {
		return calledInVain(e)
	}
	return http.StatusInternalServerError
}

// codeOf is the word for an error that programs read. The fault of a release comes
// first, because it is the most precise. A word that was given once stays.
func codeOf(err error) string {
	if e, ok := errors.AsType[*AnsweredError](err); ok && e.Code != "" {
		return e.Code
	}
	if errors.Is(err, store.ErrConflict) {
		return "overtaken"
	}
	if fault := supervise.FaultOf(err); fault != "" {
		return string(fault)
	}
	if _, ok := errors.AsType[*settle.BusyError](err); ok {
		return "operation_under_way"
	}
	for _, s := range statuses {
		if errors.Is(err, s.err) {
			return s.code
		}
	}
	if e, ok := errors.AsType[*sdk.Error](err); ok {
		return string(e.Code)
	}
	return generally(statusOf(err))
}

// generally is the word for a status that no word was found for.
func generally(status int) string {
	switch {
	case status == http.StatusNotFound:
		return "not_found"
	case status == http.StatusConflict:
		return "conflict"
	case status == http.StatusUnprocessableEntity:
		return "unfit"
	case status < http.StatusInternalServerError:
		return "invalid_request"
	}
	return "internal"
}

// hosts reports whether a program was not started because of this host.
func hosts(e *launch.StartError) bool {
	return e.Reason == launch.ReasonHost || e.Reason == launch.ReasonCanceled
}

// calledInVain is the status of a call to a connector that did not succeed: nobody
// serves, or who serves could not.
func calledInVain(e *sdk.Error) int {
	if e.Code == sdk.CodePluginUnavailable {
		return http.StatusServiceUnavailable
	}
	return http.StatusBadGateway
}
