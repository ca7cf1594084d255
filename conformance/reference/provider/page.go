package provider

import (
	"html/template"
	"net/http"
	"net/url"
)

// page is where the buyer decides. It is a plain form, so that a person, a test and
// curl use the same door; GET with ?auto=approve decides at once.
var page = template.Must(template.New("page").Parse(`<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Reference provider</title>
<p>This is a stand-in: no money moves.</p>
<h1>{{.What}}</h1>
<form method="post">
<button name="decision" value="approve">Approve</button>
<button name="decision" value="decline">Decline</button>
<button name="decision" value="cancel">Cancel</button>
</form>
</html>
`))

func (p *Provider) showPage(w http.ResponseWriter, r *http.Request) {
	if r.FormValue("auto") != "" {
		p.settlePage(w, r, r.FormValue("auto"))
		return
	}
	what, ok := p.offer(r.PathValue("id"))
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = page.Execute(w, map[string]string{"What": what}) // whoever asked can ask again
}

func (p *Provider) takeDecision(w http.ResponseWriter, r *http.Request) {
	p.settlePage(w, r, r.FormValue("decision"))
}

// settlePage decides, and sends the buyer back to the shop.
func (p *Provider) settlePage(w http.ResponseWriter, r *http.Request, word string) {
	if word != "approve" && word != "decline" && word != "cancel" {
		http.Error(w, "decision must be approve, decline or cancel", http.StatusBadRequest)
		return
	}
	target, ok := p.Decide(r.PathValue("id"), word)
	if !ok {
		http.NotFound(w, r)
		return
	}
	if _, err := url.Parse(target); err != nil || target == "" {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	// Not http.Redirect: the shop's URL must arrive as it was given.
	w.Header().Set("Location", target)
	w.WriteHeader(http.StatusSeeOther)
}

// offer is what is to be decided.
func (p *Provider) offer(id string) (string, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if x := p.payment(id); x != nil {
		return "Pay " + x.terms.Amount.Value + " " + x.terms.Amount.Currency, true
	}
	if p.instrument(id) != nil {
		return "Let the shop charge you later", true
	}
	return "", false
}

// Decide is what a buyer does on the page of a payment or an instrument: approve,
// decline or cancel. It returns where the buyer's browser goes then, and whether there
// is such a page. What has been decided stays as it was.
func (p *Provider) Decide(id, word string) (goesTo string, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if x := p.payment(id); x != nil && x.page != "" {
		goesTo = x.terms.CancelURL
		switch p.decide(x, word) {
		case statusCanceled, statusDeclined, statusLapsed:
		default:
			goesTo = x.terms.ReturnURL
		}
		return goesTo, true
	}
	if i := p.instrument(id); i != nil && i.page != "" {
		if word == "approve" && i.ready.IsZero() {
			i.ready = p.now()
		}
		return i.returnURL, true
	}
	return "", false
}

func (p *Provider) payment(id string) *payment {
	for _, m := range p.merchants {
		if x := m.payments[id]; x != nil {
			return x
		}
	}
	return nil
}

func (p *Provider) instrument(id string) *instrument {
	for _, m := range p.merchants {
		if i := m.instruments[id]; i != nil {
			return i
		}
	}
	return nil
}
