package money

import "testing"

func TestWithout(t *testing.T) {
	tests := map[string]struct {
		text    string
		want    string
		removed int
	}{
		"minor units":             {`{"amount":10417,"id":"x"}`, `{"id":"x"}`, 1},
		"a decimal":               {`{"total":"104.17"}`, `{}`, 1},
		"a number with a point":   {`{"total":104.17}`, `{}`, 1},
		"a decimal below one":     {`{"total":"0.10417"}`, `{}`, 1},
		"money with its currency": {`{"captured":{"value":"104.17","currency":"EUR"}}`, `{}`, 1},
		"in a list":               {`{"data":[{"amount":10417},{"amount":1}]}`, `{"data":[{},{"amount":1}]}`, 1},
		"another amount":          {`{"amount":10418}`, `{"amount":10418}`, 0},
		"an id that has it in it": {`{"id":"x10417"}`, `{"id":"x10417"}`, 0},
		"no JSON":                 {`<a>10417</a>`, `<a>10417</a>`, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, removed := without([]byte(tt.text), 10_417)
			if string(got) != tt.want || removed != tt.removed {
				t.Errorf("without(%s) = %s, %d; want %s, %d", tt.text, got, removed, tt.want, tt.removed)
			}
		})
	}
}
