package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/connectorhost/connectorhost/host/internal/fleet"
	"github.com/connectorhost/connectorhost/host/internal/supervise"
	"github.com/connectorhost/connectorhost/sdk/launch"
)

// A Fleet is the releases that are installed and the connectors that run.
type Fleet interface {
	// Install copies a connector's binary into the host, with its certificate, which may be
	// nil. It changes nothing that serves.
	Install(ctx context.Context, file string, certificate []byte) (fleet.Release, error)
	Releases() []fleet.Release
	Connectors() []supervise.Status
	// Remove removes the installed release with that digest, unless it is in use.
	Remove(ctx context.Context, digest string) error
}

// A Switch changes what serves.
type Switch interface {
	// Activate makes an installed release serve where none of its connector is active.
	Activate(ctx context.Context, connector, release string) error
	// Swap makes an installed release serve in the place of what its connector runs now.
	// An order with a request id goes on when ctx ends, with [ErrUnderWay].
	Swap(ctx context.Context, connector string, order SwapOrder) (supervise.SwapReport, error)
	// Rollback swaps back to the release that served before the one that serves.
	Rollback(ctx context.Context, connector string) (supervise.SwapReport, error)
	Restart(ctx context.Context, connector string) (supervise.SwapReport, error)
}

// A Pardon lets again what the host has stopped for good reason.
type Pardon interface {
	EndQuarantine(ctx context.Context, connector string) error
	// Unpark lets a call be made again under which the connector died.
	Unpark(ctx context.Context, connector, subject string) error
}

// connectorRoutes names the endpoints of connectors and releases.
func (s *server) connectorRoutes(handle func(string, handler)) {
	handle("GET /v1/connectors", s.listConnectors)
	handle("GET /v1/connectors/{name}", s.showConnector)
	handle("GET /v1/connectors/{name}/history", s.history)
	handle("POST /v1/connectors/{name}/activate", s.activate)
	handle("POST /v1/connectors/{name}/swap", s.swap)
	handle("POST /v1/connectors/{name}/rollback", s.rollback)
	handle("POST /v1/connectors/{name}/restart", s.restart)
	handle("POST /v1/connectors/{name}/end-quarantine", s.endQuarantine)
	handle("POST /v1/connectors/{name}/unpark", s.unpark)
	handle("GET /v1/releases", s.listReleases)
	handle("DELETE /v1/releases/{digest}", s.remove)
	handle("POST /v1/releases", s.install)
	handle("GET /v1/releases/{digest}/certificate", s.showCertification)
	handle("PUT /v1/releases/{digest}/certificate", s.certify)
}

func (s *server) listConnectors(*http.Request) (any, error) {
	return items(s.Host.Connectors()), nil
}

// items wraps a list, so that an empty one is [] and fields can be added beside it.
func items[T any](list []T) map[string]any {
	if list == nil {
		list = []T{}
	}
	return map[string]any{"items": list}
}

// A connectorView is everything about one connector.
type connectorView struct {
	supervise.Status
	// Certification is that of the release that runs or is to run.
	Certification Certification `json:"certification"`
	Releases      []releaseView `json:"releases"` // installed ones, newest first
}

// A releaseView is an installed release and how it stands.
type releaseView struct {
	fleet.Release
	Certification Certification `json:"certification"`
}

func (s *server) release(r fleet.Release) releaseView {
	return releaseView{r, certificationOf(s.Host.Certification(r.Digest))}
}

func (s *server) showConnector(r *http.Request) (any, error) {
	status, err := s.connector(r)
	if err != nil {
		return nil, err
	}
	view := connectorView{Status: status, Releases: []releaseView{}}
	for _, release := range s.Host.Releases() {
		if release.Name == status.Connector {
			view.Releases = append(view.Releases, s.release(release))
		}
	}
	view.Certification = certificationOf(s.Host.Certification(status.Digest))
	return view, nil
}

// connector finds the connector that the path names.
func (s *server) connector(r *http.Request) (supervise.Status, error) {
	name := r.PathValue("name")
	for _, status := range s.Host.Connectors() {
		if status.Connector == name {
			return status, nil
		}
	}
	return supervise.Status{}, &problem{http.StatusNotFound, fmt.Sprintf("there is no connector %q here", name)}
}

// A historyEntry is one step in a connector's life.
type historyEntry struct {
	At       string          `json:"at"`
	Name     string          `json:"name"`
	Host     string          `json:"host,omitempty"`     // whose step it is
	Revision int64           `json:"revision,omitempty"` // of what is to serve on every host, if the step changed that
	Context  json.RawMessage `json:"context"`
}

func (s *server) history(r *http.Request) (any, error) {
	limit, err := limitOf(r, 100, 1000)
	if err != nil {
		return nil, err
	}
	entries, err := s.Store.Journal(r.Context(), r.PathValue("name"), limit)
	if err != nil {
		return nil, err
	}
	if len(entries) == 0 { // a connector that is gone still has its history
		if _, err := s.connector(r); err != nil {
			return nil, err
		}
	}
	list := make([]historyEntry, len(entries))
	for i, e := range entries {
		list[i] = historyEntry{stamp(e.At), e.Name, e.Host, e.Revision, e.Context}
	}
	return items(list), nil
}

func limitOf(r *http.Request, usual, most int) (int, error) {
	text := r.URL.Query().Get("limit")
	if text == "" {
		return usual, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > most {
		return 0, &problem{http.StatusBadRequest, fmt.Sprintf("limit must be a number from 1 to %d", most)}
	}
	return n, nil
}

// What can be wrong with a swap under a request id.
var (
	// ErrUnderWay means that the answer is not there yet. Asking again waits for it.
	ErrUnderWay   = errors.New("the swap is under way")
	ErrOtherOrder = errors.New("this request id was used for another order")
	// ErrAnswered is an answer that was given before.
	ErrAnswered = errors.New("as it was answered before")
)

// A SwapOrder says which release is to serve, and how it gets there.
type SwapOrder struct {
	Release   string `json:"release"`              // digest, the beginning of one, or version
	AllowLoss bool   `json:"allow_loss,omitempty"` // capabilities may disappear
	// RequestID names the order: the same id swaps once and gives the same answer.
	RequestID string `json:"request_id,omitempty"`
	// CanaryPercent of the payments try the release for CanaryFor before it serves; nil
	// means what the host was set to, 0 none.
	CanaryPercent *int     `json:"canary_percent,omitempty"`
	CanaryFor     Duration `json:"canary_for,omitempty"`
}

// Same reports whether two orders ask for the same.
func (o SwapOrder) Same(other SwapOrder) bool {
	percent := func(o SwapOrder) int {
		if o.CanaryPercent == nil {
			return -1
		}
		return *o.CanaryPercent
	}
	return o.Release == other.Release && o.AllowLoss == other.AllowLoss &&
		percent(o) == percent(other) && o.CanaryFor == other.CanaryFor
}

// A Duration is a time as "10m" in JSON.
type Duration time.Duration

// Duration returns it as the standard library has it.
func (d Duration) Duration() time.Duration { return time.Duration(d) }

// MarshalText writes it as "10m0s".
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText reads what MarshalText writes, and "90s".
func (d *Duration) UnmarshalText(text []byte) error {
	read, err := time.ParseDuration(string(text))
	*d = Duration(read)
	return err
}

// A swapAnswer is a report, or the word that there is none yet.
type swapAnswer struct {
	supervise.SwapReport
	RequestID string `json:"request_id,omitempty"`
	UnderWay  bool   `json:"under_way,omitempty"` // ask again with the same request id
}

// swapPatience is how long one request for a swap waits for its end: less than what
// servers and clients put up with.
const swapPatience = 20 * time.Second

func (s *server) swap(r *http.Request) (any, error) {
	var order SwapOrder
	if err := body(r, &order); err != nil {
		return nil, err
	}
	if order.Release == "" {
		return nil, &problem{http.StatusBadRequest, "release is missing, must be a digest or version that is installed"}
	}
	if len(order.RequestID) > 100 {
		return nil, &problem{http.StatusBadRequest, "request_id has more than 100 characters"}
	}
	ctx := r.Context()
	if order.RequestID != "" {
		bounded, cancel := context.WithTimeout(ctx, swapPatience)
		defer cancel()
		ctx = bounded
	}
	report, err := s.Host.Swap(ctx, r.PathValue("name"), order)
	if errors.Is(err, ErrUnderWay) {
		return swapAnswer{RequestID: order.RequestID, UnderWay: true}, nil
	}
	return swapAnswer{SwapReport: report, RequestID: order.RequestID}, err
}

func (s *server) activate(r *http.Request) (any, error) {
	var order struct {
		Release string `json:"release"`
	}
	if err := body(r, &order); err != nil {
		return nil, err
	}
	if order.Release == "" {
		return nil, &problem{http.StatusBadRequest, "release is missing, must be a digest or version that is installed"}
	}
	if err := s.Host.Activate(r.Context(), r.PathValue("name"), order.Release); err != nil {
		return nil, err
	}
	return s.connector(r)
}

func (s *server) unpark(r *http.Request) (any, error) {
	var order struct {
		Subject string `json:"subject"`
	}
	if err := body(r, &order); err != nil {
		return nil, err
	}
	if err := s.Host.Unpark(r.Context(), r.PathValue("name"), order.Subject); err != nil {
		return nil, err
	}
	return s.connector(r)
}

func (s *server) remove(r *http.Request) (any, error) {
	digest := r.PathValue("digest")
	if err := s.Host.Remove(r.Context(), digest); err != nil {
		return nil, err
	}
	return map[string]string{"removed": digest}, nil
}

func (s *server) rollback(r *http.Request) (any, error) {
	return s.Host.Rollback(r.Context(), r.PathValue("name"))
}

func (s *server) restart(r *http.Request) (any, error) {
	return s.Host.Restart(r.Context(), r.PathValue("name"))
}

func (s *server) endQuarantine(r *http.Request) (any, error) {
	if err := s.Host.EndQuarantine(r.Context(), r.PathValue("name")); err != nil {
		return nil, err
	}
	return s.connector(r)
}

func (s *server) listReleases(*http.Request) (any, error) { return items(s.Host.Releases()), nil }

// install takes a binary as the request's body, or as the part "connector" of a
// multipart/form-data body whose part "certificate" comes first.
func (s *server) install(r *http.Request) (_ any, err error) {
	upload, err := uploadOf(r)
	if err != nil {
		return nil, err
	}
	file, err := os.CreateTemp("", "connector-*")
	if err != nil {
		return nil, fmt.Errorf("receiving the binary: %w", err)
	}
	defer func() { err = errors.Join(err, os.Remove(file.Name())) }()
	size, err := io.Copy(file, io.LimitReader(upload.binary, s.maxBinary+1))
	if err := errors.Join(err, file.Chmod(0o700), file.Close()); err != nil {
		return nil, fmt.Errorf("receiving the binary: %w", err)
	}
	switch {
	case size == 0:
		return nil, &problem{http.StatusBadRequest, "the body is empty, must be a connector's binary"}
	case size > s.maxBinary:
		return nil, &problem{http.StatusRequestEntityTooLarge, fmt.Sprintf("the body must be a connector's binary of at most %d bytes", s.maxBinary)}
	}
	release, err := s.Host.Install(r.Context(), file.Name(), upload.certificate)
	if err != nil && !ours(err) {
		return nil, &unfitError{err}
	}
	if err != nil {
		return nil, err
	}
	return s.release(release), nil
}

// ours reports whether an installation failed because of this host, and not because of
// the program.
func ours(err error) bool {
	if e, ok := errors.AsType[*launch.StartError](err); ok {
		return hosts(e)
	}
	_, disk := errors.AsType[*fs.PathError](err)
	return disk || errors.Is(err, fleet.ErrDamaged) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// maxBody is the largest JSON body that is read, in bytes.
const maxBody = 64 << 10

// body decodes a small JSON body; a key that is not known is a mistake, and so is
// anything after the object.
func body(r *http.Request, into any) error {
	raw, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	switch {
	case err != nil:
		return &problem{http.StatusBadRequest, "the body cannot be read: " + err.Error()}
	case len(raw) > maxBody:
		return &problem{http.StatusRequestEntityTooLarge, fmt.Sprintf("the body has more than %d bytes", maxBody)}
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return &problem{http.StatusBadRequest, "the body cannot be read: " + err.Error()}
	}
	if d.More() {
		return &problem{http.StatusBadRequest, "the body cannot be read: something follows the object"}
	}
	return nil
}
