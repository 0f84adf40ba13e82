"""Connections, costs, budgets and prices of the small world."""

from datetime import UTC, datetime, timedelta
from typing import Any

OPENAI = {
    "name": "openai",
    "label": "OpenAI",
    "family": "ai",
    "help": "OpenAI, or any endpoint that speaks its format: give its address.",
    "fields": [
        {"name": "apiKey", "label": "API key", "type": "secret", "required": True, "help": ""},
        {"name": "baseUrl", "label": "Address", "type": "url", "required": False, "help": ""},
        {
            "name": "concurrency",
            "label": "At once",
            "type": "number",
            "required": False,
            "help": "",
        },
    ],
}
ANTHROPIC = {**OPENAI, "name": "anthropic", "label": "Anthropic", "help": "The Claude models."}
PARTS = (
    "byBot",
    "byExecution",
    "byModel",
    "byEntity",
    "byOperation",
    "byProvider",
    "byConnection",
)
MODELS = ["gpt-5", "gpt-5-mini"]


def line(key: str, name: str, calls: int, cost: str, unpriced: int = 0) -> dict[str, Any]:
    counted = {"inputTokens": calls * 420, "outputTokens": calls * 110}
    return {"key": key, "name": name, "calls": calls, "cost": cost, "unpriced": unpriced, **counted}


def hundred(rows: list[Any], after: str | None = None) -> dict[str, Any]:
    start = int(after or 0)
    end = min(start + 100, len(rows))
    info = {"hasNextPage": end < len(rows), "endCursor": str(end)}
    return {"nodes": rows[start:end], "totalCount": len(rows), "pageInfo": info}


def no_costs(days: int) -> dict[str, Any]:
    today = datetime.now(UTC).date()
    names = [str(today - timedelta(days=n)) for n in reversed(range(days))]
    by_day = [line(name, name, 0, "0") for name in names]
    may = {"viewerCan": {"setPrices": True, "setBudgets": True}}
    return {**may, "total": line("", "", 0, "0"), "byDay": by_day, **{part: [] for part in PARTS}}


class Money:
    """The part of the world that pays."""

    def __init__(self) -> None:
        self.connections: list[dict[str, Any]] = []
        self.circuits: list[dict[str, Any]] = []
        self.health: list[dict[str, Any]] = []
        self.repairs: list[dict[str, Any]] = []
        self.fallbacks: list[str] = []
        self.kept = 0
        self.spent: dict[str, Any] | None = None
        self.budgets: list[dict[str, Any]] = []
        self.prices: list[dict[str, Any]] = []
        self.old_models = 0

    async def do_Connections(self, _: dict[str, Any]) -> dict[str, Any]:
        page = {"nodes": self.connections, "totalCount": len(self.connections)}
        return {"connections": page, "connectionKinds": [OPENAI, ANTHROPIC]}

    async def do_ProviderHealth(self, _: dict[str, Any]) -> dict[str, Any]:
        return {
            "providerHealth": self.health,
            "openCircuits": self.circuits,
            "modelFallbacks": {"models": self.fallbacks, "warnings": []},
            "answerCache": {"answers": self.kept, "bytes": 2048 * self.kept, "hits": 5},
            "viewer": {"viewerCan": {"createConnections": True}},
        }

    async def do_ProviderRepairs(self, _: dict[str, Any]) -> dict[str, Any]:
        return {"healing": {"rates": self.repairs}}

    async def do_SetModelFallbacks(self, variables: dict[str, Any]) -> dict[str, Any]:
        self.fallbacks = variables["input"]["models"]
        chain = {"models": self.fallbacks, "warnings": []}
        return {"setModelFallbacks": {"modelFallbacks": chain, "errors": []}}

    async def do_ClearAnswerCache(self, _: dict[str, Any]) -> dict[str, Any]:
        cleared, self.kept = self.kept, 0
        empty = {"answers": 0, "bytes": 0, "hits": 0}
        return {"clearAnswerCache": {"cleared": cleared, "answerCache": empty, "errors": []}}

    async def do_ResetCircuit(self, variables: dict[str, Any]) -> dict[str, Any]:
        self.circuits.clear()
        return {"resetCircuit": {"provider": variables["input"]["provider"], "errors": []}}

    async def do_TestConnection(self, variables: dict[str, Any]) -> dict[str, Any]:
        return {
            "testConnection": {"connection": None, "test": self._tested(variables), "errors": []}
        }

    def _tested(self, variables: dict[str, Any]) -> dict[str, Any]:
        key = (variables["input"].get("secrets") or {}).get("apiKey", "sk-good")
        good = key.startswith("sk-good")
        words = "It works: 2 models." if good else "The provider refused the key (401)."
        models = MODELS if good else None
        return {"ok": good, "message": words, "models": models, "durationMs": 12}

    async def do_CreateConnection(self, variables: dict[str, Any]) -> dict[str, Any]:
        values, test = variables["input"], self._tested(variables)
        if not test["ok"] and not values["force"]:
            error = {"code": "UPSTREAM_FAILED", "message": test["message"], "path": []}
            refused = {"connection": None, "test": test, "errors": [error]}
            return {"createConnection": refused}
        row = self.add_connection(values["name"], values["kind"], ok=test["ok"])
        return {"createConnection": {"connection": row, "test": test, "errors": []}}

    async def do_UpdateConnection(self, variables: dict[str, Any]) -> dict[str, Any]:
        values = variables["input"]
        row = next(one for one in self.connections if one["id"] == values["connectionId"])
        row.update(name=values.get("name", row["name"]), version=row["version"] + 1)
        test = self._tested(variables)
        return {"updateConnection": {"connection": row, "test": test, "errors": []}}

    async def do_DeleteConnection(self, variables: dict[str, Any]) -> dict[str, Any]:
        wanted = variables["input"]["connectionId"]
        row = next(one for one in self.connections if one["id"] == wanted)
        self.connections.remove(row)
        return {"deleteConnection": {"connection": row, "errors": []}}

    def add_connection(self, name: str, kind: str = "openai", ok: bool = True) -> dict[str, Any]:
        row = {
            "id": f"con_{len(self.connections)}",
            "kind": kind,
            "name": name,
            "settings": {},
            "secrets": {"apiKey": "…9f2c"},
            "status": "CONNECTED" if ok else "ERROR",
            "statusMessage": "" if ok else "The provider refused the key (401).",
            "models": MODELS if ok else None,
            "isDefault": not self.connections,
            "lastCheckedAt": "2026-11-20T09:00:00.000Z",
            "version": 1,
            "usedBy": [],
            "inFallbacks": [],
            "viewerCan": {"edit": True},
        }
        self.connections.append(row)
        return row

    async def do_Costs(self, variables: dict[str, Any]) -> dict[str, Any]:
        costs = self.spent or no_costs(variables["days"])
        return {"costs": costs, "budgetNotices": {"nodes": []}}

    async def do_Budgets(self, variables: dict[str, Any]) -> dict[str, Any]:
        return {"budgets": hundred(self.budgets, variables.get("after"))}

    def spend(self, days: int = 30) -> None:
        found = no_costs(days)
        for n, day in enumerate(found["byDay"]):
            day.update(calls=n * 3, cost=f"{0.04 * (n % 9):.4f}")
        found["total"] = line("", "", 1305, "4.6412", unpriced=7)
        found["byBot"] = [
            line("bot_1", "Article briefing", 900, "3.9012"),
            line("bot_2", "Support triage", 405, "0.74"),
        ]
        found["byModel"] = [
            line("openai:gpt-5", "openai:gpt-5", 1298, "4.6412"),
            line("openai:own-model", "openai:own-model", 7, "0", unpriced=7),
        ]
        found["byEntity"] = [line("bot_1:writer", "writer · Article briefing", 900, "3.9012")]
        found["byOperation"] = [
            line("model", "Model calls", 1300, "4.0412"),
            line("tool:search", "search", 5, "0.6"),
        ]
        found["byProvider"] = [line("openai", "openai", 1305, "4.6412")]
        found["byConnection"] = [
            line("con_0", "Main", 1000, "4.0412"),
            line("environment:openai", "Key of the environment · openai", 305, "0.6"),
        ]
        found["byExecution"] = [line("exe_1", "Article briefing · 20 Nov, 09:00", 40, "1.20")]
        self.spent = found

    async def do_BudgetPeople(self, _: dict[str, Any]) -> dict[str, Any]:
        ada = {"id": "usr_1", "name": "Ada Marlow", "email": "ada@example.com"}
        return {"members": {"nodes": [{"user": ada}]}}

    async def do_EstimateExecution(self, _: dict[str, Any]) -> dict[str, Any]:
        found = {"cost": "0.0021", "low": "0.0012", "high": "0.0044", "basis": "history"}
        words = "By what the last 12 completed executions cost."
        more = {"tokens": 1840, "explanation": words, "unpriced": [], "passes": []}
        return {"estimateExecution": {**found, **more}}

    async def do_CreateBudget(self, variables: dict[str, Any]) -> dict[str, Any]:
        budget = self.add_budget(**variables["input"])
        return {"createBudget": {"budget": budget, "errors": []}}

    def add_budget(self, limit: str, name: str = "", percent: float = 0, **more: Any) -> Any:
        spent = f"{float(limit) * percent / 100:.2f}"
        standing = {"spent": spent, "reserved": "0", "left": "0", "percent": percent}
        budget = {
            "id": f"bud_{len(self.budgets)}",
            "name": name,
            "scope": "WORKSPACE",
            "botId": None,
            "userId": None,
            "period": "MONTH",
            "limit": limit,
            "action": "STOP",
            "version": 1,
            "standing": {**standing, "startsAt": None, "endsAt": None},
            **more,
        }
        self.budgets.append(budget)
        return budget

    async def do_DeleteBudget(self, variables: dict[str, Any]) -> dict[str, Any]:
        wanted = variables["input"]["budgetId"]
        budget = next(one for one in self.budgets if one["id"] == wanted)
        self.budgets.remove(budget)
        return {"deleteBudget": {"budget": budget, "errors": []}}

    async def do_ModelPrices(self, _: dict[str, Any]) -> dict[str, Any]:
        shipped = {"id": "openai:gpt-5", "name": "gpt-5", "provider": "openai"}
        shipped |= {"inputPrice": "1.25", "outputPrice": "10"}
        more = [{**shipped, "id": f"openai:old-{n:03}"} for n in range(self.old_models)]
        return {"modelPrices": hundred(self.prices), "models": [shipped, *more]}

    async def do_MorePrices(self, variables: dict[str, Any]) -> dict[str, Any]:
        return {"modelPrices": hundred(self.prices, variables["after"])}

    def add_price(self, model: str) -> None:
        price = {"id": f"prc_{len(self.prices)}", "model": model, "cachedPrice": None}
        self.prices.append({**price, "inputPrice": "1", "outputPrice": "2"})

    async def do_SetModelPrice(self, variables: dict[str, Any]) -> dict[str, Any]:
        values = variables["input"]
        price = {"id": f"prc_{len(self.prices)}", "cachedPrice": None, **values}
        self.prices.append({"reasoningPrice": None, "updatedAt": None, **price})
        return {"setModelPrice": {"modelPrice": price, "errors": []}}
