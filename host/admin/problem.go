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

// statuses are the errors that say what is wrong with a request, or what has to change
// before it can be carried out.
var statuses = []struct {
	err    error
	status int
}{
	{store.ErrNotFound, http.StatusNotFound},
	{fleet.ErrNotInstalled, http.StatusNotFound},
	{store.ErrCursor, http.StatusBadRequest},
	{supervise.ErrRefused, http.StatusConflict},
	{supervise.ErrQuarantined, http.StatusConflict},
	{supervise.ErrNotActive, http.StatusConflict},
	{supervise.ErrActive, http.StatusConflict},
	{supervise.ErrWorse, http.StatusConflict},
	{supervise.ErrNotWarm, http.StatusConflict},
	{supervise.ErrNotParked, http.StatusNotFound},
	{fleet.ErrInUse, http.StatusConflict},
	{ErrOtherOrder, http.StatusConflict},
	{ErrAnswered, http.StatusConflict},
	{fleet.ErrDamaged, http.StatusConflict},
	{store.ErrBusy, http.StatusServiceUnavailable},
	{store.ErrClosed, http.StatusServiceUnavailable},
	{supervise.ErrClosed, http.StatusServiceUnavailable},
	{context.DeadlineExceeded, http.StatusGatewayTimeout},
}

// statusOf is the HTTP status of an error. What nobody foresaw is ours.
func statusOf(err error) int {
	if p, ok := errors.AsType[*problem](err); ok {
		return p.status
	}
	if e, ok := errors.AsType[*launch.StartError](err); ok && !hosts(e) {
		return http.StatusUnprocessableEntity
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
