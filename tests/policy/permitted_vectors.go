//go:build ignore

// Writes permitted_vectors.json: for expressions and role ARNs, what Go's regexp package says of each.
// Run it beside this file:
//
//	go run permitted_vectors.go > permitted_vectors.json && deno fmt permitted_vectors.json
//
// A whole match is detected without adding text around the expression: the leftmost-longest match begins
// at 0 wherever any match does, and ends at the end if any match from 0 does. Where \A(?:…)\z compiles
// and the expression holds no \Q, both ways have to agree.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
)

const account = "arn:aws:iam::111122223333:role/"

var arns = []string{
	account + "reader",
	account + "Reader",
	account + "admin-reader",
	account + "reader-admin",
	account + "x",
	account + "admin",
	account + "team/reader",
	account + "team/sub/reader",
	account + "team//reader",
	account + "a+b=c,d.e@f-g_h",
	account + strings.Repeat("a", 64),
	account + strings.Repeat("p/", 255) + "deep",
	account + "0123456789",
	account + "path{1}/[x]/(y)|z/q",
	account + "team/$reader^/n",
	"arn:aws:iam::999988887777:role/reader",
	"arn:aws-cn:iam::111122223333:role/reader",
	"arn:aws-us-gov:iam::111122223333:role/team/reader",
	"arn:aws-iso-b:iam::111122223333:role/reader",
	"arn:aws-eusc:iam::111122223333:role/reader",
	"reader",
	"team/reader",
	"",
}

var expressions = []string{
	// What namespaces carry.
	account + "reader",
	"^" + account + "reader$",
	account + ".*",
	".*",
	".+",
	"^.*$",
	"reader",
	".*/reader",
	".*reader",
	"reader.*",
	"arn:aws:iam::[0-9]{12}:role/reader",
	`arn:aws:iam::\d{12}:role/team/[^/]+`,
	`arn:aws[a-z-]*:iam::111122223333:role/(team/)?reader`,
	`arn:aws:iam::111122223333:role/[\w+=,.@-]{1,64}`,
	`arn:aws:iam::111122223333:role/([\w]+/)*[\w+=,.@-]+`,
	`arn:aws:iam::111122223333:role\/reader`,
	`arn:aws:iam::(111122223333|999988887777):role/reader`,
	"",
	" ",
	account + "reader\n",
	account + "reader ",
	// Alternatives, and ways out of what might be put around an expression.
	"a|ab",
	account + "(a|admin)",
	account + "(admin|admin-reader)",
	account + "(?:x|x)",
	account + "(r|re|rea|read|reader)",
	account + "reader|" + account + "admin",
	"arn:|x",
	"x|" + account + ".*",
	"|" + account + "reader",
	"(|" + account + "reader)",
	"reader|.*admin",
	"^" + account + "x$|.*reader",
	account + "x)|(?:.*",
	account + "x)|(.*",
	"x)|(?:.*",
	")|(.*",
	"x)|.*|(?:y",
	"(?:x)|(?:.*)",
	")(",
	"(?:.*",
	".*)",
	`x\`,
	`\`,
	`.*\`,
	`\Q`,
	`\Q.*`,
	`\Q` + account + `reader`,
	`\Q` + account + `reader\E`,
	`\Q` + account + `reader\E|.*`,
	`\Qarn:aws:iam::\E.*`,
	`[`,
	`[]`,
	`[]a]`,
	`[^]`,
	`[a`,
	`.*[`,
	`(?#comment).*`,
	`.*#`,
	`(?x) .* # all`,
	// Anchors and text boundaries.
	`\A.*\z`,
	`\A` + account + `reader\z`,
	account + `reader\z`,
	account + `reader\Z`,
	`\Gx`,
	`.*\b`,
	`\barn:.*`,
	`\B.*`,
	account + `\Breader`,
	account + `\breader\b`,
	`.*$.*`,
	`.*^.*`,
	`^^` + account + `reader$$`,
	`$`,
	`^`,
	`^$`,
	`\z`,
	`\A`,
	`(^|x)` + account + `reader($|y)`,
	`arn$|.*reader$`,
	// Flags.
	`(?i)ARN:AWS:IAM::111122223333:ROLE/READER`,
	`(?i)` + account + `reader`,
	`(?i:READER)|` + account + `(?i:READER)`,
	account + `(?i)READER`,
	account + `(?i)rea(?-i)DER`,
	`(?s).*`,
	`(?s:.*)reader`,
	`(?m)^.*$`,
	`(?m)^` + account + `reader$`,
	`(?m)$`,
	`(?m)^`,
	`(?-m)^.*$`,
	`(?ms)^.*$`,
	`(?U).*`,
	`(?U).+`,
	`(?U)` + account + `.*r`,
	`(?U)a+?.*`,
	`(?U:.*)reader`,
	`(?imsU).*READER`,
	`(?i-s:.*)`,
	`(?P).*`,
	`(?z).*`,
	`(?i`,
	`(?)`,
	`(?-)`,
	`(?i-).*`,
	// Repeats.
	`.*?`,
	`.+?reader`,
	`.??`,
	`a*`,
	`(a*)*`,
	`(a+)+`,
	`.*(a+)+`,
	`(.*)*`,
	`(.*)+reader`,
	`((.*)*)*`,
	`.{0,1000}`,
	`.{1000}`,
	`.{1001}`,
	`.{0,1001}`,
	`.{1000,}`,
	`.{36}`,
	`.{30,40}`,
	`.{37,36}`,
	`.{,5}`,
	`.{`,
	`.*{`,
	`{1}`,
	`a{1`,
	`.*path{1}.*`,
	`.*path\{1\}.*`,
	`(.{10}){100}`,
	`(.{10}){101}`,
	`((a{0,100}){0,100}){0,100}`,
	`((.{0,10}){0,10}){0,10}`,
	`(.{2}){18}`,
	`x**`,
	`x+*`,
	`x*+`,
	`.*+`,
	`.++`,
	`*`,
	`+x`,
	`?`,
	`x{2}{3}`,
	`x{2}*`,
	`(?:x{2})*|.*reader`,
	`(.*){2}(?i){2}`,
	`(.*reader)(?i){1}`,
	`(.*reader)\Q\E{1}`,
	// Classes.
	`[[:alpha:]:/0-9-]+`,
	`[[:lower:][:punct:][:digit:]]+`,
	`[[:alnum:]:/-]*`,
	`[[:graph:]]+`,
	`[[:print:]]+`,
	`[[:xdigit:]]+`,
	`[[:word:][:punct:]]+`,
	`[[:ascii:]]*`,
	`[[:^space:]]+`,
	`[[:^alpha:]]+`,
	`[[:upper:]]+`,
	`[[:cntrl:][:blank:]]*`,
	`[[:foo:]]`,
	`[[:alpha]]`,
	`[:alpha:]+.*`,
	`\w+:\w+:\w+::\d+:\w+/\w+`,
	`[\w:/]+`,
	`[\W\w]+`,
	`[\d\D]*`,
	`\S+`,
	`[^\s]+`,
	`\s*`,
	`\D+\d+\D+`,
	`[^/]+/[^/]+`,
	`[^:]*:[^:]*:[^:]*:[^:]*:[^:]*:[^:]*`,
	`[a-z:/0-9]+`,
	`[z-a]`,
	`[a-\d]`,
	`[--/a-z:0-9]+`,
	`[]a-z:/0-9-]+`,
	`[^]]+`,
	`[\]\[a-z:/0-9(){}|-]+`,
	`[\Qa\E]+`,
	// Unicode.
	`\pL+:.*`,
	`[\pL\pN\p{P}]+`,
	`[\pL\pN\pP\pS]+`,
	`\p{L}+.*reader`,
	`\p{^L}+`,
	`\PL+`,
	`\P{L}*\p{L}.*`,
	`\p{Lu}.*`,
	`.*\p{Lu}.*`,
	`\p{Latin}+.*`,
	`\p{Greek}*`,
	`\p{Any}+`,
	`\pX`,
	`\p{Nope}`,
	`\p`,
	`\p{`,
	`[\p{Ll}:/\p{Nd}-]+`,
	`(?i)\p{Lu}+.*`,
	`(?i)\p{Ll}+:.*`,
	`(?i)K`,
	`аrn:.*`,
	`é`,
	`[^é]+`,
	`\x{41}*`,
	`\x61rn:.*`,
	`\x{61}rn:.*`,
	`\x{110000}`,
	`\141rn:.*`,
	`\0`,
	`\1`,
	`\8`,
	`\a\f\t\n\r\v`,
	`\e`,
	`\cA`,
	`\C`,
	`\X`,
	`\R`,
	`\K.*`,
	`\h+`,
	`\N{x}`,
	`\u0061`,
	`\_`,
	`\-`,
	`\/`,
	`\:`,
	`.*\/reader`,
	`arn\:aws\:iam\:\:111122223333\:role\/reader`,
	// Groups.
	`(?P<name>.*)`,
	`(?<name>.*)`,
	`(?P<role>arn:.*):role/(?P<name>\w+)`,
	`(?P<n>a)(?P<m>b)`,
	`(?P<1n>.*)`,
	`(?P<>.*)`,
	`(?P<n.*)`,
	`(?P=n)`,
	`(?P>n)`,
	`(?'n'.*)`,
	`(.*)`,
	`((((.*))))`,
	`()`,
	`(?:)`,
	`()*` + account + `reader`,
	`(?:(?:a|(?:arn)):)+.*`,
	`(.*):role/(.*)`,
	// What newer Go takes beyond RE2, and what is too large for a namespace.
	`(?P<n>a)(?P<n>b)|.*`,
	`(?P<n>.*)|(?<n>x)`,
	`\p{Letter}.*`,
	`\p{ASCII}+`,
	`\p{latin}+.*`,
	`.{0,1000}.{0,1000}`,
	`(.{0,30}){0,30}(.{0,30}){0,30}`,
	// What RE2 doesn't have.
	`(?=.*)`,
	`(?=arn).*`,
	`(?!x).*`,
	`(?<=a).*`,
	`(?<!a).*`,
	`(?>.*)`,
	`(.*)\1`,
	`(?|a|b)`,
	`(?(1)a|b)`,
	`(?R)`,
	`(?&n)`,
	`(*ACCEPT)`,
	`.*(?C1)`,
}

type outcome struct {
	Expression string `json:"expression"`
	Valid      bool   `json:"valid"`
	Matches    []int  `json:"matches"`
}

func main() {
	var outcomes []outcome
	for _, expression := range expressions {
		outcomes = append(outcomes, judge(expression))
	}
	write(outcomes)
}

func judge(expression string) outcome {
	result := outcome{Expression: expression, Matches: []int{}}
	alone, err := regexp.Compile(expression)
	if err != nil {
		return result
	}
	result.Valid = true
	alone.Longest()
	glued, _ := regexp.Compile(`\A(?:` + expression + `)\z`)
	for i, arn := range arns {
		at := alone.FindStringIndex(arn)
		whole := at != nil && at[0] == 0 && at[1] == len(arn)
		if glued != nil && !strings.Contains(expression, `\Q`) && glued.MatchString(arn) != whole {
			panic(fmt.Sprintf("%q on %q: the two ways differ", expression, arn))
		}
		if whole {
			result.Matches = append(result.Matches, i)
		}
	}
	return result
}

// A line for each text and expression; the formatter wraps the long ones.
func write(outcomes []outcome) {
	fmt.Print("{\n\"arns\": [\n")
	for i, arn := range arns {
		fmt.Print(line(arn), comma(i, len(arns)))
	}
	fmt.Print("],\n\"outcomes\": [\n")
	for i, result := range outcomes {
		fmt.Print(line(result), comma(i, len(outcomes)))
	}
	fmt.Print("]\n}\n")
}

func line(value any) string {
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return strings.TrimSuffix(text.String(), "\n")
}

func comma(i, length int) string {
	if i == length-1 {
		return "\n"
	}
	return ",\n"
}
