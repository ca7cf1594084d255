package fault

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

var endpoints = []string{"POST /payments", "GET /orders/{id}"}

func parse(t *testing.T, rules string) Script {
	t.Helper()
	script, err := Parse([]byte(`{"seed":7,"faults":[`+rules+`]}`), endpoints)
	if err != nil {
		t.Fatal(err)
	}
	return script
}

// fires asks an engine n times and tells which times the first rule fired.
func fires(t *testing.T, rules string, occasions ...Occasion) []int {
	t.Helper()
	var e Engine
	if _, err := e.Arm(parse(t, rules)); err != nil {
		t.Fatal(err)
	}
	var hits []int
	for i, o := range occasions {
		if len(e.Fire(o)) > 0 {
			hits = append(hits, i+1)
		}
	}
	return hits
}

func TestWhenRulesFire(t *testing.T) {
	pay := Occasion{On: "POST /payments", Reference: "R-1", Key: "k", Merchant: "m"}
	other := Occasion{On: "POST /payments", Reference: "R-2", Key: "l", Merchant: "n"}
	read := Occasion{On: "GET /orders/{id}", Reference: "R-1"}
	event := Occasion{On: Webhook, Event: "order.authorized", Reference: "R-1"}
	tests := map[string]struct {
		rule      string
		occasions []Occasion
		want      []int
	}{
		"an endpoint":           {`{"on":"POST /payments","do":"hang"}`, []Occasion{pay, read, other}, []int{1, 3}},
		"any endpoint":          {`{"on":"*","do":"hang"}`, []Occasion{pay, event, read, {}}, []int{1, 3}},
		"a reference":           {`{"on":"*","reference":"R-1","do":"hang"}`, []Occasion{pay, other, read}, []int{1, 3}},
		"a merchant":            {`{"on":"*","merchant":"n","do":"hang"}`, []Occasion{pay, other, read}, []int{2}},
		"a merchant's event":    {`{"on":"webhook","merchant":"n","do":"drop"}`, []Occasion{event, {On: Webhook, Merchant: "n"}}, []int{2}},
		"some endpoints":        {`{"on":"*","among":["GET /orders/{id}"],"do":"hang"}`, []Occasion{pay, read, event}, []int{2}},
		"some of them, once":    {`{"on":"*","among":["GET /orders/{id}","POST /payments"],"times":1,"do":"hang"}`, []Occasion{pay, read}, []int{1}},
		"a key":                 {`{"on":"*","key":"l","do":"hang"}`, []Occasion{pay, other, read}, []int{2}},
		"the second time":       {`{"on":"POST /payments","nth":2,"do":"hang"}`, []Occasion{pay, pay, pay}, []int{2}},
		"the second of R-1":     {`{"on":"*","nth":2,"reference":"R-1","do":"hang"}`, []Occasion{pay, other, pay, pay}, []int{3}},
		"twice from the second": {`{"on":"*","nth":2,"times":2,"do":"hang"}`, []Occasion{pay, pay, pay, pay}, []int{2, 3}},
		"twice":                 {`{"on":"*","times":2,"do":"hang"}`, []Occasion{pay, pay, pay}, []int{1, 2}},
		"an event":              {`{"on":"webhook","event":"order.authorized","do":"drop"}`, []Occasion{event, pay, event}, []int{1, 3}},
		"another event":         {`{"on":"webhook","event":"order.canceled","do":"drop"}`, []Occasion{event}, nil},
		"every event":           {`{"on":"webhook","do":"drop"}`, []Occasion{event, pay}, []int{1}},
		"by all means":          {`{"on":"*","chance":100,"do":"hang"}`, []Occasion{pay, pay}, []int{1, 2}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := fires(t, tt.rule, tt.occasions...); !slices.Equal(got, tt.want) {
				t.Errorf("fired at %v, want %v", got, tt.want)
			}
		})
	}
}

func TestChanceIsRepeatableAndFair(t *testing.T) {
	occasions := make([]Occasion, 2000)
	for i := range occasions {
		occasions[i] = Occasion{On: "POST /payments"}
	}
	rule := `{"on":"POST /payments","chance":30,"do":"hang"}`
	first, again := fires(t, rule, occasions...), fires(t, rule, occasions...)
	if !slices.Equal(first, again) {
		t.Error("the same script over the same requests does not do the same")
	}
	if n := len(first); n < 500 || n > 700 {
		t.Errorf("30 percent of 2000 fired %d times", n)
	}
	var e Engine
	script := parse(t, rule)
	*script.Seed = 8
	if _, err := e.Arm(script); err != nil {
		t.Fatal(err)
	}
	var other []int
	for i, o := range occasions {
		if len(e.Fire(o)) > 0 {
			other = append(other, i+1)
		}
	}
	if slices.Equal(first, other) {
		t.Error("another seed does the same")
	}
}

func TestArming(t *testing.T) {
	var e Engine
	script := parse(t, `{"on":"*","do":"hang"},{"on":"POST /payments","do":"delay","ms":5,"name":"slow"}`)
	armed, err := e.Arm(script)
	if err != nil || len(armed) != 2 || armed[0].ID == armed[1].ID || armed[0].Label() != "hang" || armed[1].Label() != "slow" {
		t.Fatalf("armed %+v, %v", armed, err)
	}
	if fired := e.Fire(Occasion{On: "POST /payments"}); len(fired) != 2 {
		t.Errorf("fired %+v", fired)
	}
	if rules := e.Rules(); rules[0].Fired != 1 || rules[1].Matched != 1 {
		t.Errorf("rules %+v", rules)
	}
	if !e.Disarm(armed[0].ID) || e.Disarm(armed[0].ID) || len(e.Rules()) != 1 {
		t.Errorf("rules after disarming one: %+v", e.Rules())
	}
	if _, err := e.Arm(parse(t, `{"on":"*","merchant":"m","do":"hang"},{"on":"*","merchant":"n","do":"hang"}`)); err != nil {
		t.Fatal(err)
	}
	e.ClearOf("m")
	if rules := e.Rules(); len(rules) != 2 || rules[0].Merchant != "" || rules[1].Merchant != "n" {
		t.Errorf("rules after clearing one merchant's: %+v", rules)
	}
	e.Clear()
	if fired := e.Fire(Occasion{On: "POST /payments"}); len(fired) != 0 {
		t.Errorf("fired after clearing: %+v", fired)
	}
	many := Script{Rules: make([]Rule, MaxRules+1)}
	if _, err := e.Arm(many); err == nil {
		t.Error("armed more than the most")
	}
}

func TestParseRefusesWhatMeansNothing(t *testing.T) {
	for name, tt := range map[string]struct{ script, says string }{
		"no JSON":               {`{`, "EOF"},
		"an unknown part":       {`{"rules":[]}`, `"rules"`},
		"an unknown field":      {`{"faults":[{"on":"*","do":"hang","how_long":5}]}`, `faults[0].json: unknown field "how_long"`},
		"no action":             {`{"faults":[{"on":"*"}]}`, "faults[0].do: "},
		"an unknown action":     {`{"faults":[{"on":"*","do":"hang"},{"on":"*","do":"explode"}]}`, `faults[1].do: "explode" must be one of act_then_drop`},
		"an unknown endpoint":   {`{"faults":[{"on":"POST /money","do":"hang"}]}`, `on: "POST /money" must be "*" or one of POST /payments`},
		"no endpoint":           {`{"faults":[{"do":"hang"}]}`, `on: "" must be`},
		"among a few of one":    {`{"faults":[{"on":"POST /payments","among":["POST /payments"],"do":"hang"}]}`, `among: has no meaning unless on is "*"`},
		"among none of ours":    {`{"faults":[{"on":"*","among":["POST /money"],"do":"hang"}]}`, `among: "POST /money" must be one of POST /payments`},
		"among a nameless one":  {`{"faults":[{"on":"*","among":[""],"do":"hang"}]}`, "among: "},
		"a request's on events": {`{"faults":[{"on":"webhook","do":"hang"}]}`, `on: "webhook" must be`},
		"an event's on request": {`{"faults":[{"on":"*","do":"drop"}]}`, `on: must be "webhook"`},
		"an event of a request": {`{"faults":[{"on":"*","event":"x","do":"hang"}]}`, "event: has no meaning"},
		"a key of an event":     {`{"faults":[{"on":"webhook","key":"x","do":"drop"}]}`, "key: has no meaning"},
		"a field of another":    {`{"faults":[{"on":"*","do":"hang","status":500}]}`, "status: has no meaning for hang, which takes ms, act"},
		"a field of none":       {`{"faults":[{"on":"*","do":"expire_keys","ms":5}]}`, "ms: has no meaning for expire_keys, which takes nothing"},
		"a status too few":      {`{"faults":[{"on":"*","do":"status"}]}`, "status: is required"},
		"a strange status":      {`{"faults":[{"on":"*","do":"status","status":99}]}`, "status: must be 200 to 599"},
		"more than certain":     {`{"faults":[{"on":"*","do":"hang","chance":101}]}`, "chance: must be 1 to 100"},
		"time running back":     {`{"faults":[{"on":"*","do":"delay","ms":-1}]}`, "negative"},
		"no drip at all":        {`{"faults":[{"on":"*","do":"slow_drip","bytes_per_second":0}]}`, "bytes_per_second: must be at least 1"},
		"hidden from whom":      {`{"faults":[{"on":"*","do":"visibility_delay","ms":1,"only":"me"}]}`, "only: must be"},
		"spoilt how":            {`{"faults":[{"on":"webhook","do":"wrong_signature","how":"x"}]}`, "how: must be"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Parse([]byte(tt.script), endpoints); err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("error %v, want it to say %q", err, tt.says)
			}
		})
	}
	many := strings.Repeat(`{"on":"*","do":"hang"},`, MaxRules) + `{"on":"*","do":"hang"}`
	if _, err := Parse([]byte(`{"faults":[`+many+`]}`), endpoints); err == nil || !strings.Contains(err.Error(), fmt.Sprint(MaxRules)) {
		t.Errorf("too many rules: %v", err)
	}
}
