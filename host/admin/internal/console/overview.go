package console

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/connectorhost/connectorhost/host/admin/internal/peers"
	"github.com/connectorhost/connectorhost/host/admin/internal/story"
	"github.com/connectorhost/connectorhost/host/internal/fleet"
	"github.com/connectorhost/connectorhost/host/internal/store"
	"github.com/connectorhost/connectorhost/host/internal/supervise"
	"github.com/connectorhost/connectorhost/sdk"
)

const (
	// rows is how many payments a list has.
	rows = 20
	// attention is how many payments in doubt the overview names.
	attention = 10
	// defaultAccount is the merchant account that everybody has.
	defaultAccount = "default"
)

// overview is how everything is.
type overview struct {
	Connectors []connectorCard
	Hosts      []peers.Host    // that share the database, this one included; none if it is alone
	InDoubt    []sdk.PaymentID // the longest untouched first, at most [attention]
	MoreDoubt  bool
	Accounts   []string
	Account    string
	Search     string
	Payments   []paymentRow
	Newer      bool // this is not the first page
	Older      string
}

// A connectorCard is one connector in a few lines.
type connectorCard struct {
	supervise.Status
	Name     string // for people
	Tone     story.Tone
	Offer    offer
	Standing standing // with the host's policy
}

// An offer is what a release says that it can do.
type offer struct {
	Operations, Methods, Countries, Currencies []string
}

func offerOf(d sdk.Description) offer {
	var o offer
	for _, op := range d.Operations {
		o.Operations = append(o.Operations, story.Words(string(op)))
	}
	for _, m := range d.Manifest.Methods {
		o.Methods = append(o.Methods, m.Name)
	}
	for _, c := range d.Manifest.Currencies {
		o.Currencies = append(o.Currencies, string(c.Code))
	}
	o.Countries = slices.Clone(d.Manifest.Countries)
	return o
}

// A paymentRow is one payment in a list.
type paymentRow struct {
	ID                 sdk.PaymentID
	Reference          sdk.Reference
	ExternalID         string
	Connector          string
	Status             string
	Tone               story.Tone
	Amount             string
	Captured, Refunded sum
	Unsettled          int
	CreatedAt          time.Time
}

func (s *console) overview(r *http.Request) (view, error) {
	ctx, query := r.Context(), r.URL.Query()
	o := overview{Account: query.Get("account"), Search: strings.TrimSpace(query.Get("q")), Newer: query.Get("cursor") != ""}
	if o.Account == "" {
		o.Account = defaultAccount
	}
	releases := s.Host.Releases()
	o.Connectors = s.cards(releases)
	var err error
	if o.Accounts, err = s.accounts(r); err != nil {
		return view{}, err
	}
	if o.Hosts, err = s.hosts(r); err != nil {
		return view{}, err
	}
	if o.InDoubt, err = s.Store.Unsettled(ctx, attention+1); err != nil {
		return view{}, err
	}
	if len(o.InDoubt) > attention {
		o.InDoubt, o.MoreDoubt = o.InDoubt[:attention], true
	}
	list, err := s.Store.List(ctx, store.Filter{
		MerchantAccount: o.Account, Search: o.Search, Limit: rows, Cursor: query.Get("cursor"),
	})
	if err != nil {
		return view{}, err
	}
	scales := scalesOf(releases)
	for _, rec := range list.Records {
		o.Payments = append(o.Payments, rowOf(rec, scales))
	}
	o.Older = list.Next
	return view{"overview", "Overview", o}, nil
}

// hosts lists the hosts that share the database, if there are several, or if this one is
// not as it should be.
func (s *console) hosts(r *http.Request) ([]peers.Host, error) {
	all, err := peers.List(r.Context(), s.Store, s.Host.ID(), s.Now())
	if len(all) == 1 && all[0].Self && !all[0].Behind() {
		return nil, err
	}
	return all, err
}

// accounts lists the merchant accounts that have a payment service.
func (s *console) accounts(r *http.Request) ([]string, error) {
	services, err := s.Store.Services(r.Context(), "", true)
	if err != nil {
		return nil, err
	}
	names := []string{defaultAccount}
	for _, service := range services {
		names = append(names, service.MerchantAccount)
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

func (s *console) cards(releases []fleet.Release) []connectorCard {
	var cards []connectorCard
	for _, status := range s.Host.Connectors() {
		card := connectorCard{Status: status, Name: status.Connector, Tone: stateTone(status.State)}
		card.Standing = standingOf(s.Host.Certification(status.Digest))
		if release, ok := releaseOf(releases, status); ok {
			card.Name, card.Offer = release.Description.Manifest.DisplayName, offerOf(release.Description)
		}
		cards = append(cards, card)
	}
	return cards
}

// releaseOf finds the release that a connector runs or is to run.
func releaseOf(releases []fleet.Release, status supervise.Status) (fleet.Release, bool) {
	i := slices.IndexFunc(releases, func(r fleet.Release) bool {
		return r.Name == status.Connector && r.Digest == status.Digest
	})
	if i < 0 {
		return fleet.Release{}, false
	}
	return releases[i], true
}

// stateTone says how to take a connector's state.
func stateTone(state supervise.State) story.Tone {
	switch state {
	case supervise.Serving:
		return story.Good
	case supervise.Starting, supervise.Described, supervise.Healthy, supervise.Canary, supervise.Draining:
		return story.Wait
	case supervise.Backoff, supervise.Quarantined, supervise.Crashed, supervise.Rejected:
		return story.Bad
	case supervise.Stopped:
		return story.Off
	}
	return story.Plain
}

// scalesOf knows the decimals of every currency that an installed release takes.
func scalesOf(releases []fleet.Release) story.Scales {
	var all []sdk.Description
	for _, r := range releases {
		all = append(all, r.Description)
	}
	return story.ScalesOf(all...)
}

func rowOf(rec store.Record, scales story.Scales) paymentRow {
	v := rec.View()
	status := string(rec.Status(v))
	return paymentRow{
		ID: rec.Payment.ID, Reference: rec.Payment.Reference, ExternalID: rec.ExternalID, Connector: rec.Connector,
		Status: story.Words(status), Tone: story.StatusTone(status), Amount: scales.Show(rec.Payment.Amount),
		Captured: sumOf("captured", v.Captured, rec, scales), Refunded: sumOf("refunded", v.Refunded, rec, scales),
		Unsettled: len(v.Unsettled), CreatedAt: rec.Payment.CreatedAt,
	}
}
