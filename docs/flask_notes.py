"""A shelf of notes: a small Flask application, and four requests to it."""

from flask import Flask, abort, jsonify, request

app = Flask(__name__)
notes = {1: "buy milk"}


@app.get("/notes/<int:number>")
def show(number):
    if number not in notes:
        abort(404, f"no note {number}")
    return jsonify(number=number, text=notes[number])


@app.post("/notes")
def add():
    number = max(notes) + 1
    notes[number] = clean(request.json["text"])
    return jsonify(number=number), 201


def clean(text):
    return " ".join(text.split())


@app.errorhandler(404)
def missing(error):
    return jsonify(error=error.description), 404


if __name__ == "__main__":
    client = app.test_client()
    print(client.get("/notes/1").json)
    print(client.post("/notes", json={"text": " call  Ada "}).json)
    print(client.get("/notes/7").json)
    print(client.post("/notes", json={"title": "?"}).status)
