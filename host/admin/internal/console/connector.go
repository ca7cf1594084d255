package console

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/connectorhost/connectorhost/host/admin/internal/story"
	"github.com/connectorhost/connectorhost/host/internal/fleet"
	"github.com/connectorhost/connectorhost/host/internal/store"
	"github.com/connectorhost/connectorhost/host/internal/supervise"
	"github.com/connectorhost/connectorhost/sdk"
)

// historyLength is how many steps of a connector's history are shown.
const historyLength = 200

// connector is everything about one connector.
type connector struct {
	connectorCard
	Waits    bool      // for its next start
	Releases []release // the one that was installed last first
	History  []step    // newest first
	Cut      bool      // there are older steps
}

// A release is one that is installed.
type release struct {
	fleet.Release
	Serves bool
	Offer  offer
	Facts  []fact
}

// A step is one event of a connector's history.
type step struct {
	supervise.Event
	Tone      story.Tone
	Reason    string   // of an exit, where the cause does not say it
	LastLines []string // of what crashed
}

func stepOf(e supervise.Event) step {
	s := step{Event: e, Tone: stateTone(e.To)}
	if e.Exit != nil {
		s.LastLines = e.Exit.LastLines
		if !strings.Contains(e.Cause, e.Exit.Reason) {
			s.Reason = e.Exit.Reason
		}
	}
	return s
}

func (s *console) connector(r *http.Request) (view, error) {
	status, err := s.status(r.PathValue("name"))
	if err != nil {
		return view{}, err
	}
	c := connector{Waits: status.State == supervise.Backoff}
	installed := s.Host.Releases()
	for _, card := range s.cards(installed) {
		if card.Connector == status.Connector {
			c.connectorCard = card
		}
	}
	for _, r := range installed {
		if r.Name == status.Connector {
			c.Releases = append(c.Releases, release{r, r.Digest == status.Digest, offerOf(r.Description), factsOf(r.Description.Manifest)})
		}
	}
	if c.History, c.Cut, err = s.history(r, status.Connector); err != nil {
		return view{}, err
	}
	return view{"connector", c.Name, c}, nil
}

func (s *console) status(name string) (supervise.Status, error) {
	all := s.Host.Connectors()
	i := slices.IndexFunc(all, func(c supervise.Status) bool { return c.Connector == name })
	if i < 0 {
		return supervise.Status{}, fmt.Errorf("connector %q: %w", name, store.ErrNotFound)
	}
	return all[i], nil
}

func (s *console) history(r *http.Request, name string) (steps []step, cut bool, err error) {
	entries, err := s.Store.Journal(r.Context(), name, historyLength+1)
	if err != nil {
		return nil, false, err
	}
	if cut = len(entries) > historyLength; cut {
		entries = entries[:historyLength]
	}
	for _, entry := range entries {
		var e supervise.Event
		if err := json.Unmarshal(entry.Context, &e); err != nil {
			return nil, false, fmt.Errorf("reading entry %d of the journal of %s: %w", entry.ID, name, err)
		}
		steps = append(steps, stepOf(e))
	}
	return steps, cut, nil
}

// factsOf are the facts of a manifest that an operator asks for.
func factsOf(m sdk.Manifest) []fact {
	facts := []fact{{"contract", fmt.Sprintf("version %d to %d", m.Contract.Min, m.Contract.Max)}}
	if m.Contract.Min == m.Contract.Max {
		facts[0].Value = fmt.Sprintf("version %d", m.Contract.Min)
	}
	for _, f := range []struct {
		name string
		d    sdk.Duration
	}{
		{"time to approve", m.Limits.ApprovalTime},
		{"authorization lasts", m.Limits.AuthorizationLifetime},
		{"writes visible after", m.VisibilityDelay},
	} {
		if f.d > 0 {
			facts = append(facts, fact{f.name, span(time.Duration(f.d))})
		}
	}
	if m.Limits.CartItems > 0 {
		facts = append(facts, fact{"cart items", fmt.Sprintf("at most %d", m.Limits.CartItems)})
	}
	if m.RefundScope != "" {
		facts = append(facts, fact{"refunds hang on", "the " + string(m.RefundScope)})
	}
	if m.Webhook != nil {
		facts = append(facts, fact{"webhooks", m.Webhook.Scheme})
	}
	for _, host := range m.Egress {
		facts = append(facts, fact{"calls", host})
	}
	return facts
}

// restart replaces the connector's process.
func (s *console) restart(r *http.Request) (back, notice string, err error) {
	name := r.PathValue("name")
	if _, err := s.status(name); err != nil {
		return "", "", err
	}
	back = root + "/connectors/" + url.PathEscape(name)
	report, err := s.Host.Restart(r.Context(), name)
	if err != nil {
		return back, "", err
	}
	notice = fmt.Sprintf("A new process serves since %s after the command, as generation %d.", span(report.Start), report.To.Generation)
	if report.Left > 0 {
		notice += fmt.Sprintf(" %d calls of the old one were cut off: what became of them is being found out.", report.Left)
	}
	return back, notice, nil
}
