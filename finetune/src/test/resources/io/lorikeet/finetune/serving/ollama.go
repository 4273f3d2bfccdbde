// Executes templates as Ollama does (template/template.go: Execute, collate): reads
// [{"template": …, "messages": [{"Role": …, "Content": …}]}] and writes the texts.
package main

import (
	"encoding/json"
	"log"
	"os"
	"strings"
	"text/template"
)

type message struct {
	Role    string
	Content string
}

// Consecutive messages of a role are one, but for those of tools; the texts of system prompts are
// collected as well.
func collate(messages []message) (string, []*message) {
	var system []string
	var collated []*message
	for i := range messages {
		if messages[i].Role == "system" {
			system = append(system, messages[i].Content)
		}
		if n := len(collated); n > 0 && collated[n-1].Role == messages[i].Role && messages[i].Role != "tool" {
			collated[n-1].Content += "\n\n" + messages[i].Content
		} else {
			collated = append(collated, &messages[i])
		}
	}
	return strings.Join(system, "\n\n"), collated
}

func main() {
	var cases []struct {
		Template string
		Messages []message
	}
	if err := json.NewDecoder(os.Stdin).Decode(&cases); err != nil {
		log.Fatal(err)
	}
	texts := []string{}
	for _, each := range cases {
		parsed, err := template.New("").Option("missingkey=zero").Parse(each.Template)
		if err != nil {
			log.Fatal(each.Template, ": ", err)
		}
		system, messages := collate(each.Messages)
		var out strings.Builder
		values := map[string]any{"System": system, "Messages": messages, "Response": ""}
		if err := parsed.Execute(&out, values); err != nil {
			log.Fatal(each.Template, ": ", err)
		}
		texts = append(texts, out.String())
	}
	if err := json.NewEncoder(os.Stdout).Encode(texts); err != nil {
		log.Fatal(err)
	}
}
